//! A batcher without a clock: what the resolvers of one list ask for is read together.
//!
//! async-graphql polls the resolvers of a list side by side, in one task. Whoever asks first opens a
//! round; everybody yields once, and by then all have added their keys, so one read serves all. (The
//! library's own loader waits for a timer of a millisecond, several times what the read takes.)

use crate::errors::{ApiError, ErrorCode};
use engine::Fault;
use futures_util::FutureExt;
use futures_util::future::{BoxFuture, Shared};
use std::collections::HashMap;
use std::future::Future;
use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// What a round found; a fault was logged where it happened.
type Found<K, V> = Result<Arc<HashMap<K, V>>, ErrorCode>;

/// Keys that wait for one read; `None` once it has begun.
type Keys<K> = Arc<Mutex<Option<Vec<K>>>>;

struct Round<K, V> {
    keys: Keys<K>,
    found: Shared<BoxFuture<'static, Found<K, V>>>,
}

/// Reads of one kind within one request. A key that was read is not read again.
pub struct Batcher<K, V> {
    open: Mutex<Option<Round<K, V>>>,
    known: Arc<Mutex<HashMap<K, V>>>,
}

impl<K, V> Default for Batcher<K, V> {
    fn default() -> Self {
        Self {
            open: Mutex::default(),
            known: Arc::default(),
        }
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl<K, V> Batcher<K, V>
where
    K: Clone + Eq + Hash + Send + Sync + 'static,
    V: Clone + Send + Sync + 'static,
{
    /// The value of a key, or `None` if there is none; `read` reads many at once.
    pub async fn load<R, F>(&self, key: K, read: R) -> Result<Option<V>, ApiError>
    where
        R: FnOnce(Vec<K>) -> F + Send + 'static,
        F: Future<Output = Result<HashMap<K, V>, Fault>> + Send,
    {
        if let Some(value) = locked(&self.known).get(&key) {
            return Ok(Some(value.clone()));
        }
        let found = self.join(key.clone(), read);
        // Each for itself: whoever polls a shared future drives it.
        tokio::task::yield_now().await;
        let found = found.await;
        let found = found.map_err(|code| ApiError::new(code, "internal error"))?;
        Ok(found.get(&key).cloned())
    }

    /// Adds a key to the open round, or opens one.
    fn join<R, F>(&self, key: K, read: R) -> Shared<BoxFuture<'static, Found<K, V>>>
    where
        R: FnOnce(Vec<K>) -> F + Send + 'static,
        F: Future<Output = Result<HashMap<K, V>, Fault>> + Send,
    {
        let mut open = locked(&self.open);
        if let Some(round) = open.as_ref()
            && let Some(keys) = locked(&round.keys).as_mut()
        {
            if !keys.contains(&key) {
                keys.push(key);
            }
            return round.found.clone();
        }
        let keys: Keys<K> = Arc::new(Mutex::new(Some(vec![key])));
        let (waiting, known) = (Arc::clone(&keys), Arc::clone(&self.known));
        let found = async move {
            let wanted = locked(&waiting).take().unwrap_or_default();
            let found = read(wanted)
                .await
                .map_err(|fault| ApiError::from(fault).code())?;
            locked(&known).extend(
                found
                    .iter()
                    .map(|(key, value)| (key.clone(), value.clone())),
            );
            Ok(Arc::new(found))
        };
        let found = found.boxed().shared();
        *open = Some(Round {
            keys,
            found: found.clone(),
        });
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::future::join_all;
    use std::sync::atomic::{AtomicUsize, Ordering};

    #[tokio::test]
    async fn what_is_asked_side_by_side_is_read_together() {
        let batcher: Batcher<usize, usize> = Batcher::default();
        let reads = Arc::new(AtomicUsize::new(0));
        let ask = |key: usize| {
            let reads = Arc::clone(&reads);
            batcher.load(key, move |keys| async move {
                reads.fetch_add(1, Ordering::Relaxed);
                let squares = keys.into_iter().filter(|key| *key < 150);
                Ok(squares.map(|key| (key, key * key)).collect())
            })
        };
        let found = join_all((0..200).map(|key| ask(key % 160))).await;
        assert_eq!(reads.load(Ordering::Relaxed), 1);
        for (index, value) in found.into_iter().enumerate() {
            let key = index % 160;
            let expected = (key < 150).then_some(key * key);
            assert_eq!(value.ok(), Some(expected), "{key}");
        }
        assert_eq!(ask(7).await.ok(), Some(Some(49)));
        assert_eq!(reads.load(Ordering::Relaxed), 1, "a known key is kept");
    }
}
