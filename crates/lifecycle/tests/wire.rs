//! The journal's wire format: one event of every kind, a claim in every status, and the facts that
//! are recorded, as committed JSON. `UPDATE_GOLDEN=1` writes them anew; a difference is a change of
//! format that needs a migration of what was written.

#[expect(dead_code, reason = "each test uses a part of the world")]
mod world;

use lifecycle::{Claim, CommandKind as C, Event, EventKind, PayeeSeal, Seen, Status};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Debug;
use std::fs;
use std::path::{Path, PathBuf};
use world::office::Office;
use world::{Step, Who, World, path_to, yuan};

fn golden() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden")
}

#[expect(
    clippy::disallowed_methods,
    reason = "writing golden files is asked for by name"
)]
fn updating() -> bool {
    std::env::var("UPDATE_GOLDEN").is_ok()
}

/// The committed text of a value, and the value it reads as.
fn check<T: Serialize + DeserializeOwned + PartialEq + Debug>(
    folder: &str,
    name: &str,
    value: &T,
    stale: &mut Vec<String>,
) {
    let text = serde_json::to_string_pretty(value).expect("it can be written") + "\n";
    let file = golden().join(folder).join(format!("{name}.json"));
    if updating() {
        fs::create_dir_all(file.parent().expect("a folder")).expect("the folder can be made");
        fs::write(&file, &text).expect("it can be written");
    }
    let committed = fs::read_to_string(&file).unwrap_or_default();
    if committed != text {
        stale.push(format!("{folder}/{name}"));
        return;
    }
    let read: T = serde_json::from_str(&committed).expect("it can be read");
    assert_eq!(read, *value, "{folder}/{name} reads as something else");
}

fn no_strangers(folder: &str, names: &BTreeSet<String>) {
    for entry in fs::read_dir(golden().join(folder)).expect("the folder is there") {
        let name = entry
            .expect("an entry")
            .file_name()
            .to_string_lossy()
            .into_owned();
        assert!(names.contains(&name), "{folder}/{name} belongs to nothing");
    }
}

/// One event of every kind, from real histories.
fn events() -> BTreeMap<EventKind, Event> {
    let mut found = BTreeMap::new();
    let mut take = |office: &Office| {
        for event in &office.files[0].history {
            found
                .entry(event.what.kind())
                .or_insert_with(|| event.clone());
        }
        assert_eq!(office.violations, []);
    };
    for status in Status::ALL {
        take(&Office::at(World::new(), *status));
    }
    let more: [(Status, &[Step]); 9] = [
        (Status::Appealed, &[Step::Other(C::DecideAppeal)]),
        (Status::Returned, &[Step::Do(C::AmendReferral)]),
        (
            Status::NoticeClosed,
            &[
                Step::Do(C::CountyReviewClaim),
                Step::Other(C::ApproveClaim),
                Step::Do(C::SecondApproveClaim),
            ],
        ),
        (
            Status::NoticeOpen,
            &[
                Step::Do(C::RaiseObjection),
                Step::Do(C::ResolveObjection),
                Step::Do(C::RaiseObjection),
                Step::Other(C::ResolveObjection),
                Step::Do(C::ChangePayee),
                Step::Do(C::ConfirmPayee),
            ],
        ),
        (
            Status::NoticeClosed,
            &[
                Step::Do(C::CountyReviewClaim),
                Step::Other(C::ApproveClaim),
                Step::Pool(yuan(1_000)),
                Step::Do(C::SecondApproveClaim),
            ],
        ),
        (Status::AwaitingFunds, &[Step::Do(C::ReserveWaiting)]),
        (Status::NoticeClosed, &[Step::Do(C::SendBackClaim)]),
        (Status::Verifying, &[Step::Do(C::AttachDocument)]),
        (Status::PayFailed, &[Step::Do(C::ReinstatePayout)]),
    ];
    for (status, steps) in more {
        let mut office = Office::new(World::new());
        office.walk(0, &path_to(status));
        office.walk(0, steps);
        take(&office);
    }
    found
}

#[test]
fn the_wire_format_is_what_was_committed() {
    let mut stale = Vec::new();
    let mut names: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
    let events = events();
    for kind in EventKind::ALL {
        let event = events
            .get(kind)
            .unwrap_or_else(|| panic!("no history shows {kind}"));
        check("event", kind.code(), event, &mut stale);
        names
            .entry("event")
            .or_default()
            .insert(format!("{kind}.json"));
        let text = serde_json::to_value(event).expect("it can be written");
        let tag = &text["what"];
        let told = tag
            .as_str()
            .or_else(|| tag.as_object()?.keys().next().map(String::as_str));
        assert_eq!(
            told,
            Some(kind.code()),
            "the event names itself by its code"
        );
    }
    for status in Status::ALL {
        let office = Office::at(World::new(), *status);
        check::<Claim>("claim", status.code(), office.claim(0), &mut stale);
        names
            .entry("claim")
            .or_default()
            .insert(format!("{status}.json"));
    }
    let office = Office::at(World::new(), Status::Approved);
    let instruct = office
        .world
        .usual(C::InstructPayout, office.claim(0), office.now);
    let (_, mut facts) = office.facts(0, &Who::Cashier.orders(instruct));
    facts.seen.payee_seal = Some(PayeeSeal {
        payee: office.claim(0).case.payee,
        fingerprint: "0f".repeat(32),
    });
    check::<Seen>("seen", "INSTRUCT_PAYOUT", &facts.seen, &mut stale);
    names
        .entry("seen")
        .or_default()
        .insert("INSTRUCT_PAYOUT.json".into());
    assert!(
        stale.is_empty(),
        "stale, run again with UPDATE_GOLDEN=1 and look at the diff: {stale:?}"
    );
    for (folder, names) in &names {
        no_strangers(folder, names);
    }
}

/// A claim written before the parts were kept still reads.
#[test]
fn a_claim_written_earlier_still_reads() {
    let office = Office::at(World::new(), Status::Draft);
    let mut text = serde_json::to_value(office.claim(0)).expect("it can be written");
    text.as_object_mut().expect("an object").remove("acted");
    let read: Claim = serde_json::from_value(text).expect("it can be read");
    assert_eq!(read, *office.claim(0));
}
