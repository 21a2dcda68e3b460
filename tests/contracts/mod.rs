//! The store contract: memory, `SQLite` and a real `PostgreSQL` server keep the same promises.

mod statements;

use crate::support::Place;
use engine::Store;
use std::sync::Arc;

async fn open(place: Place) -> (Arc<dyn Store>, Place) {
    let store = store::connect(&place.url(), place.keys()).await.unwrap();
    store.migrate().await.unwrap();
    (Arc::new(store), place)
}

mod memory {
    use engine::Store;
    use engine::testkit::MemoryStore;
    use std::sync::Arc;
    engine::store_contracts!(async || (Arc::new(MemoryStore::new()) as Arc<dyn Store>, ()));
}

mod sqlite {
    engine::store_contracts!(async || super::open(crate::support::Place::sqlite()).await);
}

mod postgres {
    engine::store_contracts!(async || super::open(crate::support::Place::postgres()).await);
}
