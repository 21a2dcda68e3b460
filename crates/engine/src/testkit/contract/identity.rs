//! The promises about identities.

use crate::access::{Access, LogIn, Refusal, hash_password};
use crate::identity::{
    Assignment, Change, IdentityEvent, IdentityEventKind, Pass, PassId, PassKind, Rules,
    Substitution,
};
use crate::limits;
use crate::ports::{Fault, Store};
use crate::registry::{Org, OrgKind};
use crate::second_factor::code_at;
use crate::testkit::world::{PASSWORD, Role, TestDesk, county};
use crate::throttle::{OF_A_LOGIN, OF_AN_ADDRESS};
use crate::{Caller, Grant, ids};
use chrono::{DateTime, Duration, Utc};
use lifecycle::calendar::legal_day;
use lifecycle::{Door, Duty, OrgId, RegionCode};
use std::sync::Arc;

async fn known(desk: &TestDesk, secret: &str, at: DateTime<Utc>) -> Option<Caller> {
    let found = desk.store().presented(&ids::sha256(secret)).await;
    found
        .expect("reading")
        .and_then(|it| it.caller(at, &Rules::default()))
}

/// Another process, which remembers nobody.
fn elsewhere(desk: &TestDesk) -> Arc<Access> {
    desk.office().access
}

async fn session(desk: &TestDesk, role: Role) -> String {
    let opened = elsewhere(desk).log_in(role.login(), PASSWORD).await;
    opened.expect("reading").expect("both fit").token
}

fn key_of(role: Role, desk: &TestDesk, minutes: i64) -> Pass {
    Pass {
        id: PassId(ids::fresh()),
        label: "接口(测试)".into(),
        seen_at: desk.now(),
        ends_at: desk.now() + Duration::minutes(minutes),
        ..role.pass()
    }
}

pub(super) async fn sessions_end(store: Arc<dyn Store>) {
    let desk = TestDesk::open(store).await;
    let store = desk.store();
    let now = desk.now();
    for role in Role::ALL.iter().copied() {
        let caller = known(&desk, &role.token(), now).await;
        let caller = caller.expect("the key is open");
        assert_eq!(caller, role.caller());
        let (insurer, door) = match role {
            Role::Handler
            | Role::SecondHandler
            | Role::Surveyor
            | Role::Approver
            | Role::SecondApprover
            | Role::Finance
            | Role::SecondFinance => (Some(desk.world.scheme.insurer), Door::Person),
            Role::Connector => (Some(desk.world.scheme.insurer), Door::System),
            Role::RivalHandler => (Some(desk.world.rival.insurer), Door::Person),
            Role::Shimenzhai
            | Role::Zhucaoying
            | Role::CountyCaseworker
            | Role::Supervisor
            | Role::Reviewer
            | Role::Auditor
            | Role::Administrator => (None, Door::Person),
        };
        assert_eq!((caller.scope.insurer, caller.door), (insurer, door));
    }
    let (short, long) = (
        key_of(Role::Supervisor, &desk, 5),
        key_of(Role::Supervisor, &desk, 500),
    );
    for (pass, secret) in [(&short, "short"), (&long, "long")] {
        let open = [Change::OpenPass {
            pass: pass.clone(),
            hash: ids::sha256(secret),
        }];
        let opened = store.change(county(), &open, None).await;
        assert_eq!(opened.expect("writing"), 1);
        let again = store.change(county(), &open, None).await;
        assert_eq!(again.expect("twice"), 0, "twice is as good as once");
        let stands = store.pass(county(), pass.id).await.expect("reading");
        assert_eq!(stands.as_ref(), Some(pass));
    }
    let at = |minutes| now + Duration::minutes(minutes);
    assert!(known(&desk, "short", at(4)).await.is_some());
    assert!(known(&desk, "short", at(5)).await.is_none());
    assert!(known(&desk, "long", at(5)).await.is_some());
    let keys = store.passes(county(), PassKind::Key, at(6)).await;
    let keys = keys.expect("reading");
    assert!(keys.contains(&long) && !keys.contains(&short));

    let end = [Change::EndPass {
        pass: long.id,
        at: now,
    }];
    for touched in [1, 0] {
        let ended = store.change(county(), &end, None).await;
        assert_eq!(ended.expect("writing"), touched);
    }
    assert!(known(&desk, "long", now).await.is_none());
    assert!(known(&desk, "short", now).await.is_some());
    let end_all = |role: Role, except| {
        [Change::EndAccount {
            account: role.account_id(),
            except,
            at: now,
        }]
    };
    let others = end_all(Role::Handler, None);
    let others = store.change(county(), &others, None).await;
    assert_eq!(others.expect("writing"), 1);
    let spared = end_all(Role::Supervisor, Some(short.id));
    let spared = store.change(county(), &spared, None).await;
    assert_eq!(spared.expect("writing"), 1, "the always open one");
    assert!(known(&desk, "short", now).await.is_some());
    for touched in [1, 0] {
        let ended = store
            .change(county(), &end_all(Role::Supervisor, None), None)
            .await;
        assert_eq!(ended.expect("writing"), touched, "none is left");
    }
    assert!(known(&desk, "short", now).await.is_none());
    assert!(known(&desk, "nobody", now).await.is_none());

    // A new password ends every secret of the account but the one it was set with.
    let mut opened = Vec::new();
    for _ in 0..3 {
        opened.push(session(&desk, Role::Supervisor).await);
    }
    let kept = store.presented(&ids::sha256(&opened[1])).await;
    let kept = kept.expect("reading").expect("it").pass.id;
    let set = |except, password_hash: &str| {
        [Change::SetPassword {
            account: Role::Supervisor.account_id(),
            password_hash: password_hash.into(),
            except,
            at: now,
        }]
    };
    let changed = store
        .change(county(), &set(Some(kept), "hash of another"), None)
        .await;
    assert_eq!(
        changed.expect("writing"),
        3,
        "the password and two sessions"
    );
    for (index, token) in opened.iter().enumerate() {
        assert_eq!(known(&desk, token, now).await.is_some(), index == 1);
    }
    let found = store.account(Role::Supervisor.login()).await;
    let (_, account) = found.expect("reading").expect("it");
    assert_eq!(account.password_hash, "hash of another");
    let other = session(&desk, Role::Handler).await;
    let back = set(None, &hash_password(PASSWORD).expect("long enough"));
    let back = store.change(county(), &back, None).await;
    assert_eq!(back.expect("writing"), 2);
    assert!(known(&desk, &opened[1], now).await.is_none(), "all of them");
    assert!(known(&desk, &other, now).await.is_some(), "nobody else's");

    // A session ends when nobody uses it, and when its time is up.
    let token = session(&desk, Role::Supervisor).await;
    let (idle, absolute) = (
        Duration::minutes(limits::SESSION_IDLE_MINUTES),
        Duration::hours(limits::SESSION_HOURS_MAX),
    );
    let moment = Duration::microseconds(1);
    assert!(known(&desk, &token, now + idle - moment).await.is_some());
    assert!(known(&desk, &token, now + idle).await.is_none());
    let mut hour = now;
    while hour + idle < now + absolute {
        hour += idle - moment;
        desk.clock.set(hour);
        let seen = elsewhere(&desk).caller(&token).await;
        assert!(seen.expect("reading").is_some(), "{hour}");
    }
    let last = now + absolute;
    assert!(known(&desk, &token, last - moment).await.is_some());
    assert!(known(&desk, &token, last).await.is_none());

    // A change that touches nothing leaves no record; a record stays.
    let record = IdentityEvent {
        id: ids::fresh(),
        at: now,
        kind: IdentityEventKind::PassEnded,
        actor: Some(Role::Administrator.person_id()),
        subject: Some(Role::Supervisor.person_id()),
        detail: "测试".into(),
    };
    let before = store.identity_events(county(), None, None, true, 100).await;
    let before = before.expect("reading");
    let nothing = store.change(county(), &end, Some(&record)).await;
    assert_eq!(nothing.expect("writing"), 0);
    let events = store.identity_events(county(), None, None, true, 100).await;
    assert_eq!(events.expect("reading"), before);
    let noted = store.change(county(), &[], Some(&record)).await;
    noted.expect("writing");
    let events = store.identity_events(county(), None, None, true, 1).await;
    assert_eq!(events.expect("reading"), std::slice::from_ref(&record));
    let older = store
        .identity_events(county(), None, Some(record.id), true, 100)
        .await;
    assert_eq!(older.expect("reading"), before);
}

pub(super) async fn secrets_follow_each_other(store: Arc<dyn Store>) {
    let desk = TestDesk::open(store).await;
    let access = elsewhere(&desk);
    let old = session(&desk, Role::Shimenzhai).await;
    let renew = async |token: &str| access.renew(token).await.expect("writing");
    assert_eq!(renew(&old).await, None, "it is not time yet");
    let minutes = Duration::minutes(limits::SESSION_RENEW_MINUTES);
    desk.clock.advance(minutes);
    // Several requests at once: one of them brings the new secret home.
    let (there, here) = (elsewhere(&desk), elsewhere(&desk));
    let (one, other) = tokio::join!(there.renew(&old), here.renew(&old));
    let fresh: Vec<String> = [one, other]
        .into_iter()
        .filter_map(|it| it.expect("writing"))
        .collect();
    let [fresh] = fresh.as_slice() else {
        panic!("{} fresh secrets", fresh.len());
    };
    let overlap = Duration::seconds(limits::SECRET_OVERLAP_SECONDS);
    let moment = Duration::microseconds(1);
    let now = desk.now();
    assert!(known(&desk, &old, now + overlap - moment).await.is_some());
    assert!(known(&desk, &old, now + overlap).await.is_none());
    assert!(known(&desk, fresh, now + overlap).await.is_some());
    assert_eq!(renew(&old).await, None, "an old secret brings no new one");
    access.log_out(fresh).await.expect("writing");
    assert!(
        known(&desk, &old, now).await.is_none(),
        "one session, one end"
    );
}

/// A survey is given to whoever is a surveyor in the household's village today, be it for a time.
async fn surveyed_by_whom_it_is_today(desk: &TestDesk) {
    let home = desk.world.household("石门寨").clone();
    let accepted = desk.refer(&home).accept().await;
    let today = legal_day(desk.now());
    let put = async |assignment: &Assignment| {
        let change = Change::PutAssignment(assignment.clone());
        let put = desk.store().change(county(), &[change], None).await;
        assert_eq!(put.expect("writing"), 1);
    };
    let refused = async || {
        desk.on(&accepted)
            .assign_to(Role::Handler)
            .expect_blocked("NOT_QUALIFIED")
            .await;
    };
    let mut held = Assignment {
        id: ids::fresh(),
        person: Role::Handler.person_id(),
        duty: Duty::Surveyor,
        region: Role::Shimenzhai.person().region,
        from: today,
        until: Some(today),
    };
    put(&Assignment {
        id: ids::fresh(),
        region: Role::Zhucaoying.person().region,
        ..held.clone()
    })
    .await;
    put(&Assignment {
        id: ids::fresh(),
        from: today.succ_opt().expect("a day"),
        until: None,
        ..held.clone()
    })
    .await;
    refused().await;
    put(&held).await;
    let assigned = desk.on(&accepted).assign_to(Role::Handler).await;
    assert_eq!(assigned.version, accepted.version + 1);
    held.until = today.pred_opt();
    put(&held).await;
    desk.on(&assigned)
        .assign_to(Role::Handler)
        .expect_blocked("NOT_QUALIFIED")
        .await;
}

pub(super) async fn duties_for_a_time(store: Arc<dyn Store>) {
    let desk = TestDesk::open(store).await;
    let store = desk.store();
    let change = async |change: Change| {
        let changed = store.change(county(), &[change], None).await;
        assert_eq!(changed.expect("writing"), 1);
    };
    let today = legal_day(desk.now());
    let county_region = Role::Supervisor.person().region;
    let township = Role::Shimenzhai.person().region;
    let role = Role::Shimenzhai;
    let mut supervisor = Assignment {
        id: ids::fresh(),
        person: role.person_id(),
        duty: Duty::CountySupervisor,
        region: county_region.clone(),
        from: today,
        until: Some(today),
    };
    change(Change::PutAssignment(supervisor.clone())).await;
    change(Change::PutAssignment(Assignment {
        id: ids::fresh(),
        duty: Duty::CountyReviewer,
        region: Role::Zhucaoying.person().region,
        ..supervisor.clone()
    }))
    .await;
    let duties = async |at| known(&desk, &role.token(), at).await.map(|it| it.duties);
    let both = vec![Duty::TownshipCaseworker, Duty::CountySupervisor];
    // The county's duty holds in the township; that of another township does not.
    assert_eq!(duties(desk.now()).await, Some(both));
    let morrow = lifecycle::calendar::start_of(today.succ_opt().expect("a day"));
    let own = Some(vec![Duty::TownshipCaseworker]);
    assert_ne!(duties(morrow - Duration::microseconds(1)).await, own);
    assert_eq!(duties(morrow).await, own);
    supervisor.until = today.pred_opt();
    change(Change::PutAssignment(supervisor)).await;
    assert_eq!(duties(desk.now()).await, own, "ended before its time");
    let assignments = store.assignments(county()).await.expect("reading");
    assert_eq!(assignments.len(), 2);
    surveyed_by_whom_it_is_today(&desk).await;

    // Whoever holds no duty is nobody.
    change(Change::SetDuties {
        person: role.person_id(),
        duties: Vec::new(),
        region: township,
    })
    .await;
    let elsewhere_still = duties(desk.now()).await;
    assert_eq!(elsewhere_still, Some(vec![Duty::CountyReviewer]));
    assert_eq!(duties(morrow).await, None);

    // In another's place: with that person's duties, region and insurer, and both names.
    let (absent, substitute) = (Role::Approver, Role::Handler);
    let mut substitution = Substitution {
        id: ids::fresh(),
        absent: absent.person_id(),
        substitute: substitute.person_id(),
        from: today,
        until: today,
        ended_at: None,
    };
    change(Change::PutSubstitution(substitution.clone())).await;
    let found = store.substitutions(county()).await.expect("reading");
    assert_eq!(found, [substitution.clone()]);
    change(Change::ActAs {
        pass: substitute.pass().id,
        on_behalf_of: Some(absent.person_id()),
        region: None,
    })
    .await;
    let acting = known(&desk, &substitute.token(), desk.now()).await;
    let acting = acting.expect("allowed today");
    assert_eq!(acting.person, substitute.person_id());
    assert_eq!(acting.on_behalf_of, Some(absent.person_id()));
    assert_eq!(acting.duties, [Duty::Approver]);
    assert!(known(&desk, &substitute.token(), morrow).await.is_none());
    substitution.ended_at = Some(desk.now());
    change(Change::PutSubstitution(substitution)).await;
    let ended = known(&desk, &substitute.token(), desk.now()).await;
    assert_eq!(ended, None, "ended at once");
    change(Change::ActAs {
        pass: substitute.pass().id,
        on_behalf_of: Some(Role::Finance.person_id()),
        region: None,
    })
    .await;
    let never = known(&desk, &substitute.token(), desk.now()).await;
    assert_eq!(never, None, "whom nobody may act for");
    change(Change::ActAs {
        pass: substitute.pass().id,
        on_behalf_of: None,
        region: Some(Role::Zhucaoying.person().region),
    })
    .await;
    let narrow = known(&desk, &substitute.token(), desk.now()).await;
    let narrow = narrow.expect("its own region is wider");
    assert_eq!(narrow.scope.region, Role::Zhucaoying.person().region);
    let region = RegionCode::new("130303").expect("a code");
    change(Change::ActAs {
        pass: substitute.pass().id,
        on_behalf_of: None,
        region: Some(region),
    })
    .await;
    assert!(
        known(&desk, &substitute.token(), desk.now())
            .await
            .is_none()
    );

    // A branch sees its insurer's claims; an organisation of auditors sees all.
    let (insurer, handler) = (desk.world.scheme.insurer, Role::SecondHandler);
    for (kind, parent, seen) in [
        (OrgKind::Insurer, Some(insurer), Some(insurer)),
        (OrgKind::Auditor, None, None),
    ] {
        let org = Org {
            id: OrgId(ids::fresh()),
            name: "支公司(测试)".into(),
            kind,
            parent,
        };
        store.put_org(county(), &org).await.expect("writing");
        let orgs = store.orgs(county()).await.expect("reading");
        assert!(orgs.contains(&org));
        let mut person = handler.person();
        person.org = org.id;
        store.put_person(county(), &person).await.expect("writing");
        let caller = known(&desk, &handler.token(), desk.now()).await;
        assert_eq!(caller.expect("a caller").scope.insurer, seen);
    }
}

pub(super) async fn each_code_once(store: Arc<dyn Store>) {
    let desk = TestDesk::open(store).await;
    let access = elsewhere(&desk);
    let role = Role::Approver;
    let token = session(&desk, role).await;
    let begun = access.begin_second_factor(&token).await.expect("writing");
    let enrolment = begun.expect("none yet");
    assert!(enrolment.uri.starts_with("otpauth://totp/Fangpin:ins.wu?"));
    let code = |step: i64| {
        let at = desk.now() + Duration::seconds(30 * step);
        code_at(&enrolment.secret, at).expect("a code")
    };
    let wrong = access.confirm_second_factor(&token, &code(5)).await;
    assert_eq!(wrong.expect("reading").err(), Some(Refusal::WrongCode));
    // Until it is confirmed, the password is enough.
    let alone = access.sign_in(role.login(), PASSWORD, None).await;
    assert!(matches!(alone, Ok(LogIn::Done(_))));
    let confirmed = access.confirm_second_factor(&token, &code(0)).await;
    let (recovery, fresh) = confirmed.expect("writing").expect("the code fits");
    assert_eq!(recovery.len(), limits::RECOVERY_CODES);
    let caller = known(&desk, &fresh, desk.now()).await.expect("a caller");
    assert!(caller.second_factor, "the session has shown it");
    let old = known(&desk, &token, desk.now()).await;
    assert!(old.is_none(), "its old secret has not");
    let again = access.begin_second_factor(&fresh).await.expect("reading");
    assert!(again.is_err(), "a confirmed one is not replaced");

    let ticket = async || match access.sign_in(role.login(), PASSWORD, None).await {
        Ok(LogIn::SecondFactor { ticket, .. }) => ticket,
        Ok(_) | Err(_) => panic!("no ticket"),
    };
    let confirm = async |ticket: &str, code: &str| {
        matches!(
            access.confirm_sign_in(ticket, code).await.expect("reading"),
            LogIn::Done(_)
        )
    };
    let first = ticket().await;
    assert!(known(&desk, &first, desk.now()).await.is_none(), "no pass");
    let none = access.caller(&first).await.expect("reading");
    assert_eq!(none, None, "a ticket opens nothing else");
    assert!(!confirm(&first, &code(0)).await, "used at the enrolment");
    assert!(confirm(&first, &code(1)).await);
    assert!(!confirm(&first, &code(1)).await, "a ticket opens once");
    let second = ticket().await;
    assert!(!confirm(&second, &code(1)).await, "a code counts once");
    assert!(!confirm(&second, &code(0)).await, "nor an earlier one");
    assert!(confirm(&second, &recovery[0]).await);
    let third = ticket().await;
    assert!(!confirm(&third, &recovery[0]).await, "a recovery code too");
    let loud = recovery[1].to_uppercase().replace('-', " ");
    assert!(confirm(&third, &loud).await, "however it is typed");
    // A ticket is raced for with two codes that both fit, a code with two tickets: one session each.
    let (raced, later) = (ticket().await, ticket().await);
    let here = elsewhere(&desk);
    let opens = async |access: &Access, ticket: &str, code: &str| {
        let answer = access.confirm_sign_in(ticket, code).await;
        matches!(answer.expect("reading"), LogIn::Done(_))
    };
    let both = tokio::join!(
        opens(&access, &raced, &recovery[2]),
        opens(&here, &raced, &recovery[3])
    );
    assert!(both.0 != both.1, "{both:?}");
    let other = ticket().await;
    let both = tokio::join!(
        opens(&access, &later, &recovery[4]),
        opens(&here, &other, &recovery[4])
    );
    assert!(both.0 != both.1, "{both:?}");
    let fourth = ticket().await;
    desk.clock
        .advance(Duration::minutes(limits::TICKET_MINUTES));
    assert!(!confirm(&fourth, &code(0)).await, "too late");
    let removed = access.remove_second_factor(&fresh, &code(0)).await;
    assert_eq!(removed.expect("writing"), Ok(()));
    let alone = access.sign_in(role.login(), PASSWORD, None).await;
    assert!(matches!(alone, Ok(LogIn::Done(_))));
}

pub(super) async fn attempts_are_counted(store: Arc<dyn Store>) {
    let desk = TestDesk::open(store).await;
    let store = desk.store();
    let now = desk.now();
    let tries = (0..20).map(|_| {
        let store = Arc::clone(store);
        async move {
            store
                .attempt("key", OF_A_LOGIN, now)
                .await
                .expect("writing")
        }
    });
    let waits = super::together(tries).await;
    let free = waits.iter().filter(|it| it.is_none()).count();
    assert_eq!(
        free,
        usize::try_from(OF_A_LOGIN.free).expect("few"),
        "one by one"
    );
    let other = store.attempt("other", OF_A_LOGIN, now).await;
    assert_eq!(other.expect("writing"), None);
    // One that succeeded is taken back.
    let counted = async || {
        let counted = store.attempt("an address", OF_AN_ADDRESS, now).await;
        counted.expect("writing")
    };
    for _ in 1..OF_AN_ADDRESS.free {
        assert_eq!(counted().await, None);
    }
    for _ in 0..2 {
        let taken = store.take_back_attempt("an address").await;
        taken.expect("writing");
    }
    for waits in [false, false, false, true] {
        assert_eq!(counted().await.is_some(), waits);
    }
    store.take_back_attempt("nobody's").await.expect("writing");
    store.forget_attempts("key").await.expect("writing");
    let after = store.attempt("key", OF_A_LOGIN, now).await;
    assert_eq!(after.expect("writing"), None);

    // A link of the first start: while nobody can sign in, in its time, once.
    let (soon, late) = (now + Duration::hours(1), now + Duration::hours(2));
    for hash in ["early", "open", "other"] {
        store.put_setup_link(hash, soon).await.expect("writing");
    }
    let used = async |hash: &str, at| store.use_setup_link(hash, at).await.expect("writing");
    assert!(!used("open", now).await, "somebody can sign in");
    assert!(store.anybody_can_sign_in().await.expect("reading"));
    for mut account in store.accounts(county()).await.expect("reading") {
        account.password_hash.clear();
        store
            .put_account(county(), &account)
            .await
            .expect("writing");
    }
    assert!(!store.anybody_can_sign_in().await.expect("reading"));
    assert!(!used("early", late).await && !used("none", now).await);
    assert!(used("open", now).await && !used("open", now).await);

    // A subject of a provider is one account's, and an account has one of each provider.
    let link = async |issuer: &str, subject: &str, role: Role| {
        let change = Change::LinkSubject {
            issuer: issuer.into(),
            subject: subject.into(),
            account: role.account_id(),
        };
        let linked = store.change(county(), &[change], None).await;
        linked.expect("writing") == 1
    };
    assert!(link("one", "a", Role::Handler).await);
    assert!(!link("one", "a", Role::Approver).await);
    assert!(!link("one", "b", Role::Handler).await);
    assert!(link("two", "a", Role::Approver).await);
    let found = store.account_of_subject("one", "a").await.expect("reading");
    let found = found.map(|(of, it)| (of, it.id));
    assert_eq!(found, Some((county(), Role::Handler.account_id())));
    let none = store.account_of_subject("one", "c").await;
    assert_eq!(none.expect("reading"), None);
    let orphan = Change::OpenPass {
        pass: Pass {
            account: lifecycle::AccountId(ids::fresh()),
            grants: vec![Grant::Read],
            ..key_of(Role::Handler, &desk, 5)
        },
        hash: "orphan".into(),
    };
    let orphan: Result<u64, Fault> = store.change(county(), &[orphan], None).await;
    assert!(orphan.is_err(), "a pass of an unknown account");
}
