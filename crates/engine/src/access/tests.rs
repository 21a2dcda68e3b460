//! Sessions, second factors, keys, links, duties for a time, substitution.

use super::*;
use crate::identity::SecondFactorRule;
use crate::testkit::world::{PASSWORD, county};
use crate::testkit::{Role, TestDesk};

#[tokio::test]
async fn login_and_password_must_both_fit() {
    let desk = TestDesk::in_memory().await;
    let access = desk.office().access;
    let keyless = Account {
        id: AccountId(ids::fresh()),
        login: "api.only".into(),
        password_hash: String::new(),
        person: Role::Connector.person_id(),
    };
    let put = desk.store().put_account(county(), &keyless).await;
    put.expect("writing");
    for (login, password) in [
        ("smz.wang", "fangpin-test-2021"),
        ("smz.wang", ""),
        ("smz.wan", PASSWORD),
        ("SMZ.WANG", PASSWORD),
        ("", PASSWORD),
        ("api.only", ""),
        // The password that is compared when there is no such login opens nothing.
        ("nobody", "no password fits this one"),
        ("api.only", "no password fits this one"),
    ] {
        let session = access.log_in(login, password).await.expect("reading");
        assert!(session.is_none(), "{login} {password}");
    }
    let session = access.log_in("smz.wang", PASSWORD).await.expect("reading");
    let session = session.expect("both fit");
    assert_eq!(session.caller, Role::Shimenzhai.caller());
    assert!(session.token.starts_with("fps_") && session.token.len() == 68);
    let caller = access.caller(&session.token).await.expect("reading");
    assert_eq!(caller, Some(Role::Shimenzhai.caller()));
    for token in [
        "",
        "fps_",
        &session.token[..67],
        &ids::sha256(&session.token),
    ] {
        let caller = access.caller(token).await.expect("reading");
        assert_eq!(caller, None, "{token}");
    }
}

#[tokio::test]
async fn a_new_password_ends_what_was_opened_with_the_old_one() {
    let desk = TestDesk::in_memory().await;
    let access = desk.office().access;
    let account = Role::Shimenzhai.account_id();
    let ended = access.end_all(county(), account).await;
    ended.expect("writing");
    let mut opened = Vec::new();
    for login in ["smz.wang", "smz.wang", "office.qian"] {
        let session = access.log_in(login, PASSWORD).await.expect("reading");
        opened.push(session.expect("both fit").token);
    }
    let key = access
        .open_key(&KeyOrder::whole("smz.wang", "报表(测试)", 1))
        .await;
    opened.push(key.expect("writing").expect("a key").0);
    let (_, account) = (desk.store().account("smz.wang").await.expect("reading")).expect("it");
    let hash = hash_password("another-password").expect("long enough");
    let set = access.set_password(county(), account.clone(), hash).await;
    assert_eq!(set.expect("writing"), 3);
    let mut alive = Vec::new();
    for token in &opened {
        alive.push(access.caller(token).await.expect("reading").is_some());
    }
    assert_eq!(alive, [false, false, true, false]);
    let old = access.log_in("smz.wang", PASSWORD).await.expect("reading");
    let new = access.log_in("smz.wang", "another-password").await;
    assert!(old.is_none() && new.expect("reading").is_some());
    let ended = access.end_all(county(), account.id).await;
    assert_eq!(ended.expect("writing"), 1);
}

/// A revocation is felt at once where it is made, and within the time callers are remembered
/// everywhere else.
#[tokio::test]
async fn revoked_within_a_second() {
    let desk = TestDesk::in_memory().await;
    let (here, there) = (desk.office().access, desk.office().access);
    let order = KeyOrder::whole("bank.link", "银行接口(测试)", 90);
    let opened = here.open_key(&order).await.expect("writing");
    let (key, _) = opened.expect("a key");
    assert!(key.starts_with("fpk_"));
    let caller = Some(Role::Connector.caller());
    assert_eq!(here.caller(&key).await.expect("reading"), caller);
    assert_eq!(there.caller(&key).await.expect("reading"), caller);
    here.log_out(&key).await.expect("writing");
    assert_eq!(here.caller(&key).await.expect("reading"), None);
    let felt = async {
        while there.caller(&key).await.expect("reading").is_some() {
            tokio::task::yield_now().await;
        }
    };
    let second = std::time::Duration::from_millis(limits::CALLER_CACHE_MS + 500);
    let felt = tokio::time::timeout(second, felt).await;
    assert!(felt.is_ok(), "still known after {second:?}");
}

fn by(rule: SecondFactorRule) -> Rules {
    Rules {
        second_factor: rule,
        ..Rules::default()
    }
}

async fn told(desk: &TestDesk, kind: IdentityEventKind) -> usize {
    let events = desk
        .store()
        .identity_events(county(), None, None, true, 100)
        .await;
    let events = events.expect("reading");
    events.iter().filter(|it| it.kind == kind).count()
}

/// Whoever guesses waits, longer each time; and it shows nothing of the login.
#[tokio::test]
async fn guessing_waits() {
    let desk = TestDesk::in_memory().await;
    let (here, there) = (desk.office().access, desk.office().access);
    let wait = |it: &LogIn| match it {
        LogIn::Wait { seconds } => Some(*seconds),
        LogIn::Wrong => None,
        LogIn::Done(_) | LogIn::SecondFactor { .. } | LogIn::NoDuty => panic!("nobody gets in"),
    };
    let mut answers = Vec::new();
    for login in ["smz.wang", "nobody.at.all"] {
        let mut waits = Vec::new();
        for turn in 0..8 {
            // Several processes count together.
            let access = if turn % 2 == 0 { &here } else { &there };
            let answer = access.sign_in(login, "not the password", None).await;
            waits.push(wait(&answer.expect("reading")));
        }
        answers.push(waits);
    }
    assert_eq!(
        answers[0], answers[1],
        "a login that is and one that is not"
    );
    assert_eq!(answers[0][..5], [None; 5]);
    assert!(answers[0][5..].iter().all(Option::is_some));
    // The right password waits too, until the time is over.
    let right = here.sign_in("smz.wang", PASSWORD, None).await;
    assert!(wait(&right.expect("reading")).is_some());
    desk.clock.advance(Duration::seconds(2));
    let right = here.sign_in("smz.wang", PASSWORD, None).await;
    assert!(matches!(right, Ok(LogIn::Done(_))), "and then gets in");
    // Many logins from one address; those who got in do not count.
    for number in 0..limits::ADDRESS_ATTEMPTS_FREE {
        if number + 2 == limits::ADDRESS_ATTEMPTS_FREE {
            for _ in 0..2 {
                let entered = here
                    .sign_in("office.qian", PASSWORD, Some("192.0.2.7"))
                    .await;
                assert!(matches!(entered, Ok(LogIn::Done(_))));
            }
        }
        let login = format!("guess{number}");
        let address = Some("192.0.2.7");
        let now = desk.now();
        let key = hash_of_attempt("address", "192.0.2.7");
        let counted = desk.store().attempt(&key, OF_AN_ADDRESS, now).await;
        assert_eq!(counted.expect("writing"), None, "{login} {address:?}");
    }
    let full = here
        .sign_in("office.qian", PASSWORD, Some("192.0.2.7"))
        .await;
    assert!(wait(&full.expect("reading")).is_some());
    let other = here
        .sign_in("office.qian", PASSWORD, Some("192.0.2.8"))
        .await;
    assert!(matches!(other, Ok(LogIn::Done(_))));
}

#[tokio::test]
async fn an_own_password_is_changed_with_the_present_one() {
    let desk = TestDesk::in_memory().await;
    let access = desk.office().access;
    let mut tokens = Vec::new();
    for _ in 0..2 {
        let session = access.log_in("smz.wang", PASSWORD).await.expect("reading");
        tokens.push(session.expect("both fit").token);
    }
    let change = async |present: &str, wanted: &str| {
        let changed = access.change_password(&tokens[0], present, wanted).await;
        changed.expect("writing")
    };
    let good = "three wet roofs of slate";
    assert_eq!(change("no", good).await, Err(Refusal::WrongPassword));
    for (weak, why) in [
        ("short", WeakPassword::TooShort),
        ("smz.wang2024", WeakPassword::Personal),
        ("qwertyuiopas", WeakPassword::Pattern),
        ("Password!2024", WeakPassword::Common),
    ] {
        assert_eq!(change(PASSWORD, weak).await, Err(Refusal::Weak(why)));
    }
    assert_eq!(change(PASSWORD, good).await, Ok(()));
    assert!(access.caller(&tokens[0]).await.expect("reading").is_some());
    assert_eq!(access.caller(&tokens[1]).await.expect("reading"), None);
    let old = access.log_in("smz.wang", PASSWORD).await.expect("reading");
    let new = access.log_in("smz.wang", good).await.expect("reading");
    assert!(old.is_none() && new.is_some());
    assert_eq!(told(&desk, IdentityEventKind::PasswordSet).await, 1);
}

/// A link sets a password once, in a day, for people of the administrator's own organisation.
#[tokio::test]
async fn a_link_is_used_once() {
    let desk = TestDesk::in_memory().await;
    let access = desk.office().access;
    let administrator = Role::Administrator.caller();
    let invite = async |login: &str| {
        let invited = access.invite(&administrator, login).await;
        invited.expect("writing").map(|(token, _)| token)
    };
    assert_eq!(
        invite("ins.wu").await,
        Err(Refusal::NotFound),
        "an insurer's"
    );
    assert_eq!(invite("nobody").await, Err(Refusal::NotFound));
    let supervisor = Role::Supervisor.caller();
    let refused = access.invite(&supervisor, "office.zhao").await;
    assert_eq!(refused.expect("reading").err(), Some(Refusal::DutyMissing));
    let (first, second) = (invite("office.zhao").await, invite("office.zhao").await);
    let (first, second) = (first.expect("own"), second.expect("own"));
    let use_link = async |token: &str, wanted: &str| {
        let used = access.use_link(token, wanted).await;
        used.expect("writing")
    };
    let good = "three wet roofs of slate";
    assert_eq!(
        use_link(&first, good).await,
        Err(Refusal::LinkEnded),
        "replaced"
    );
    let caller = access.caller(&second).await.expect("reading");
    assert_eq!(caller, None, "a link opens nothing else");
    let login = access.link(&second).await.expect("reading");
    assert_eq!(login.as_deref(), Some("office.zhao"));
    let weak = Err(Refusal::Weak(WeakPassword::TooShort));
    assert_eq!(use_link(&second, "short").await, weak);
    let (one, other) = tokio::join!(use_link(&second, good), use_link(&second, good));
    assert_eq!([one, other].iter().filter(|it| it.is_ok()).count(), 1);
    let session = access.log_in("office.zhao", good).await.expect("reading");
    assert!(session.is_some());
    let late = invite("office.zhao").await.expect("own");
    desk.clock.advance(Duration::hours(limits::LINK_HOURS));
    assert_eq!(use_link(&late, good).await, Err(Refusal::LinkEnded));
}

/// The first start: no password but the one that its administrator chooses.
#[tokio::test]
async fn the_first_administrator_is_made_once() {
    let desk = TestDesk::in_memory().await;
    let access = desk.office().access;
    assert_eq!(access.open_set_up().await.expect("reading"), None);
    let store = desk.store();
    for mut account in store.accounts(county()).await.expect("reading") {
        account.password_hash.clear();
        store
            .put_account(county(), &account)
            .await
            .expect("writing");
    }
    let order = |county: u32, login: &str, password: &str| SetUp {
        county: CountyCode::new(county).expect("a code"),
        county_name: "抚宁区(测试)".into(),
        office: "抚宁区乡村振兴局(测试)".into(),
        name: "第一管理员".into(),
        login: login.into(),
        password: password.into(),
    };
    let opened = access.open_set_up().await.expect("writing");
    let (token, _) = opened.expect("nobody can sign in");
    let good = "three wet roofs of slate";
    let set_up = async |order: SetUp| access.set_up(&token, order).await.expect("writing");
    let not_hers = Refusal::Invalid {
        field: "login",
        reason: "TAKEN",
    };
    // A person without the duty does not become administrator by the way.
    assert_eq!(set_up(order(130_302, "ins.wu", good)).await, Err(not_hers));
    let weak = set_up(order(130_306, "first.admin", "short")).await;
    assert_eq!(weak, Err(Refusal::Weak(WeakPassword::TooShort)));
    assert_eq!(set_up(order(130_306, "first.admin", good)).await, Ok(()));
    let again = set_up(order(130_306, "second.admin", good)).await;
    assert_eq!(again, Err(Refusal::LinkEnded), "once");
    let session = access.log_in("first.admin", good).await.expect("reading");
    let caller = session.expect("the administrator").caller;
    assert_eq!(caller.duties, [Duty::Administrator]);
    assert_eq!(caller.scope.region.as_str(), "130306");
    assert_eq!(access.open_set_up().await.expect("reading"), None);
}

/// A key narrows its person, never widens; nobody acts under another's name.
#[tokio::test]
async fn keys_are_narrow_and_rotate() {
    let desk = TestDesk::in_memory().await;
    let access = desk.office().access;
    let order = |login: &str, grants: &[Grant]| KeyOrder {
        login: login.into(),
        label: "核心系统(测试)".into(),
        grants: grants.to_vec(),
        duties: None,
        region: None,
        days: 400,
    };
    let order_key = async |caller: &Caller, order: KeyOrder| {
        let answer = access.make_key(caller, order).await;
        answer.expect("writing")
    };
    let refused = |field, reason| Some(Refusal::Invalid { field, reason });
    let handler = Role::Handler.caller();
    let read = [Grant::Read];
    let too_long = KeyOrder {
        days: 401,
        ..order("ins.sun", &read)
    };
    let answer = order_key(&handler, too_long).await;
    assert_eq!(answer.err(), refused("days", "NOT_1_TO_400"));
    let wider = KeyOrder {
        duties: Some(vec![Duty::Approver]),
        ..order("ins.sun", &read)
    };
    let answer = order_key(&handler, wider).await;
    assert_eq!(answer.err(), refused("duties", "NOT_HELD"));
    let answer = order_key(&handler, order("ins.wu", &read)).await;
    assert_eq!(answer.err(), Some(Refusal::DutyMissing), "another's");
    let administrator = Role::Administrator.caller();
    let acting = order_key(&administrator, order("office.zhao", &[Grant::Act])).await;
    assert_eq!(acting.err(), refused("grants", "NOT_FOR_ANOTHER_PERSON"));
    assert!(
        order_key(&administrator, order("office.zhao", &read))
            .await
            .is_ok()
    );
    let narrow = KeyOrder {
        region: Some(Role::Zhucaoying.person().region),
        ..order("ins.sun", &read)
    };
    let (old, pass) = order_key(&handler, narrow).await.expect("its own");
    let caller = async |token: &str| {
        let known = desk.office().access.caller(token).await;
        known.expect("reading")
    };
    let seen = caller(&old).await.expect("open");
    assert_eq!(seen.scope.region, Role::Zhucaoying.person().region);
    assert_eq!(seen.grants, read);

    // Of two duties a key may have one.
    let set = Change::SetDuties {
        person: Role::Handler.person_id(),
        duties: vec![Duty::InsurerHandler, Duty::Surveyor],
        region: Role::Handler.person().region,
    };
    let set = desk.store().change(county(), &[set], None).await;
    set.expect("writing");
    let both = Caller {
        duties: vec![Duty::InsurerHandler, Duty::Surveyor],
        ..handler.clone()
    };
    let one = KeyOrder {
        duties: Some(vec![Duty::Surveyor]),
        ..order("ins.sun", &read)
    };
    let (token, _) = order_key(&both, one).await.expect("its own");
    let narrow = caller(&token).await.expect("open");
    assert_eq!(narrow.duties, [Duty::Surveyor]);

    let rotated = access.rotate_key(&administrator, pass.id, 1).await;
    assert_eq!(rotated.expect("reading").err(), Some(Refusal::NotFound));
    let rotated = access.rotate_key(&handler, pass.id, 1).await;
    let (fresh, _) = rotated.expect("writing").expect("its own");
    assert!(caller(&old).await.is_some() && caller(&fresh).await.is_some());
    desk.clock.advance(Duration::hours(1));
    assert!(caller(&old).await.is_none(), "the overlap is over");
    assert!(caller(&fresh).await.is_some());
    let ended = access.end_pass(&administrator, pass.id).await;
    assert_eq!(ended.expect("reading"), Err(Refusal::NotFound));
    let ended = access.end_pass(&handler, pass.id).await;
    assert_eq!(ended.expect("writing"), Ok(()));
    assert!(caller(&fresh).await.is_none());
}

/// Administrators give duties to people of their organisation, never to themselves; a substitute is a
/// colleague, and never by their own hand.
#[tokio::test]
async fn duties_and_substitutes_are_given_by_others() {
    let desk = TestDesk::in_memory().await;
    let access = desk.office().access;
    let administrator = Role::Administrator.caller();
    let region = Role::Administrator.person().region;
    let give = async |login: &str, duties: &[Duty], region: &RegionCode| {
        let given = access
            .set_duties(&administrator, login, duties.to_vec(), region.clone())
            .await;
        given.expect("writing")
    };
    let supervisor = [Duty::CountySupervisor];
    assert_eq!(
        give("office.admin", &supervisor, &region).await,
        Err(Refusal::Own)
    );
    assert_eq!(
        give("ins.wu", &supervisor, &region).await,
        Err(Refusal::NotFound)
    );
    let wrong = give("office.zhao", &[Duty::Approver], &region).await;
    let not_here = Refusal::Invalid {
        field: "duties",
        reason: "NOT_OF_THIS_ORGANISATION",
    };
    assert_eq!(wrong, Err(not_here));
    let outside = RegionCode::new("130303").expect("a code");
    assert!(give("office.zhao", &supervisor, &outside).await.is_err());
    assert_eq!(give("office.zhao", &supervisor, &region).await, Ok(()));
    let known = access.caller(&Role::CountyCaseworker.token()).await;
    assert_eq!(
        known.expect("reading").expect("a caller").duties,
        supervisor
    );

    let today = legal_day(desk.now());
    let grant = async |by: Role, absent: Role, substitute: Role| {
        let (absent, substitute) = (absent.person_id(), substitute.person_id());
        let by = by.caller();
        let granted = access.grant_substitution(&by, absent, substitute, today, today);
        granted.await.expect("writing")
    };
    let (qian, shen, zhao) = (Role::Supervisor, Role::Reviewer, Role::CountyCaseworker);
    let refused = grant(qian, shen, qian).await.err();
    assert_eq!(refused, Some(Refusal::DutyMissing), "somebody else's place");
    let admin = Role::Administrator;
    assert_eq!(grant(admin, shen, admin).await.err(), Some(Refusal::Own));
    assert!(grant(qian, qian, qian).await.is_err());
    assert!(
        grant(qian, qian, Role::Handler).await.is_err(),
        "no colleague"
    );
    let granted = grant(qian, qian, zhao).await.expect("one's own place");

    let session = access
        .log_in("office.zhao", PASSWORD)
        .await
        .expect("reading");
    let token = session.expect("both fit").token;
    let act = async |of: Option<Role>| {
        let of = of.map(Role::person_id);
        access.act_on_behalf(&token, of).await.expect("writing")
    };
    assert_eq!(act(Some(shen)).await.err(), Some(Refusal::NotFound));
    let acting = act(Some(qian)).await.expect("granted");
    assert_eq!(acting.person, zhao.person_id());
    assert_eq!(acting.actor().on_behalf_of, Some(qian.person_id()));
    assert_eq!(acting.duties, qian.caller().duties);
    let own = act(None).await.expect("back");
    assert_eq!(
        (own.on_behalf_of, own.duties.as_slice()),
        (None, supervisor.as_slice())
    );
    act(Some(qian)).await.expect("granted");
    let ended = access
        .end_substitution(&Role::Reviewer.caller(), granted.id)
        .await;
    assert_eq!(ended.expect("reading"), Err(Refusal::NotFound));
    let ended = access.end_substitution(&qian.caller(), granted.id).await;
    assert_eq!(ended.expect("writing"), Ok(()));
    assert_eq!(
        access.caller(&token).await.expect("reading"),
        None,
        "at once"
    );
    assert_eq!(told(&desk, IdentityEventKind::ActingBegun).await, 2);
}

/// Where a county asks for a second factor, money does not move without, and where it is required
/// nothing does.
#[tokio::test]
async fn a_second_factor_is_asked_for_where_money_moves() {
    use crate::authority::{Denied, Place, permit, row};
    let desk = TestDesk::in_memory().await;
    let office = |rule| {
        let clock = Arc::clone(&desk.clock) as Arc<dyn Clock>;
        Access::new(Arc::clone(desk.store()), clock).with_rules(by(rule))
    };
    let approve = row(Place::Mutation, "approveClaim");
    let read = row(Place::Query, "claims");
    let optional = office(SecondFactorRule::Optional);
    let session = optional.log_in("ins.wu", PASSWORD).await.expect("reading");
    let token = session.expect("both fit").token;
    let asked = async |rule, token: &str| {
        let caller = office(rule).caller(token).await.expect("reading");
        let caller = caller.expect("a caller");
        (permit(Some(&caller), read), permit(Some(&caller), approve))
    };
    let (free, money) = (SecondFactorRule::Optional, SecondFactorRule::Money);
    assert_eq!(asked(free, &token).await, (Ok(()), Ok(())));
    assert_eq!(
        asked(money, &token).await,
        (Ok(()), Err(Denied::SecondFactor))
    );
    let nothing = (Err(Denied::SecondFactor), Err(Denied::SecondFactor));
    assert_eq!(asked(SecondFactorRule::Required, &token).await, nothing);
    // A system shows none; a person's key does not stand in for it.
    let connector = Role::Connector.token();
    let caller = office(money).caller(&connector).await.expect("reading");
    assert!(!caller.expect("a system").lacks_second_factor());
    assert_eq!(
        asked(money, &Role::Approver.token()).await.1,
        Err(Denied::SecondFactor)
    );

    let begun = optional.begin_second_factor(&token).await.expect("writing");
    let secret = begun.expect("none yet").secret;
    let code = second_factor::code_at(&secret, desk.now()).expect("a code");
    let confirmed = optional.confirm_second_factor(&token, &code).await;
    let (_, fresh) = confirmed.expect("writing").expect("it fits");
    for rule in [money, SecondFactorRule::Required] {
        assert_eq!(asked(rule, &fresh).await, (Ok(()), Ok(())));
    }
    let administrator = office(money).caller(&Role::Administrator.token()).await;
    let administrator = administrator.expect("reading").expect("a caller");
    let refused = optional.invite(&administrator, "office.zhao").await;
    assert_eq!(refused.expect("reading").err(), Some(Refusal::SecondFactor));
}

#[tokio::test]
async fn a_provider_lets_in_who_exists() {
    let desk = TestDesk::in_memory().await;
    let access = desk.office().access;
    let come = async |subject: &str, login: Option<&str>| {
        let came = access
            .sign_in_subject("https://id.example", subject, login)
            .await;
        match came.expect("reading") {
            LogIn::Done(session) => Some(session.caller.person),
            _ => None,
        }
    };
    assert_eq!(come("s1", None).await, None);
    assert_eq!(come("s1", Some("nobody")).await, None);
    let wang = Some(Role::Shimenzhai.person_id());
    assert_eq!(come("s1", Some("smz.wang")).await, wang);
    // Tied from now on, whatever the provider calls it.
    assert_eq!(come("s1", Some("office.qian")).await, wang);
    assert_eq!(come("s2", Some("smz.wang")).await, None, "given to another");
    assert_eq!(told(&desk, IdentityEventKind::SubjectLinked).await, 1);
}

const GOOD: &str = "three wet roofs of slate";

/// Whoever guesses a code, or the present password inside a session, waits like whoever guesses a
/// login.
#[tokio::test]
async fn guessing_inside_waits_too() {
    let desk = TestDesk::in_memory().await;
    let access = desk.office().access;
    let session = access.log_in("ins.wu", PASSWORD).await.expect("reading");
    let token = session.expect("both fit").token;
    let free = limits::LOGIN_ATTEMPTS_FREE;
    let waits = |answer: Option<Refusal>| matches!(answer, Some(Refusal::Wait { .. }));
    let change = async |present: &str| {
        let changed = access.change_password(&token, present, GOOD).await;
        changed.expect("reading").err()
    };
    for _ in 0..free {
        assert_eq!(change("no").await, Some(Refusal::WrongPassword));
    }
    assert!(waits(change(PASSWORD).await), "the right one too");

    let begun = access.begin_second_factor(&token).await.expect("writing");
    let secret = begun.expect("none yet").secret;
    let code = |step: i64| {
        let at = desk.now() + Duration::seconds(30 * step);
        second_factor::code_at(&secret, at).expect("a code")
    };
    let enrol = async |code: &str| {
        let confirmed = access.confirm_second_factor(&token, code).await;
        confirmed.expect("writing").err()
    };
    for _ in 0..free {
        assert_eq!(enrol(&code(9)).await, Some(Refusal::WrongCode));
    }
    assert!(waits(enrol(&code(0)).await), "the right one too");
    desk.clock.advance(Duration::seconds(2));
    assert_eq!(enrol(&code(0)).await, None);

    let entered = access.sign_in("ins.wu", PASSWORD, None).await;
    let Ok(LogIn::SecondFactor { ticket, .. }) = entered else {
        panic!("no ticket");
    };
    let confirm = async |code: &str| {
        let answer = access.confirm_sign_in(&ticket, code).await;
        answer.expect("writing")
    };
    for _ in 0..free {
        assert!(matches!(confirm(&code(9)).await, LogIn::Wrong));
    }
    let right = confirm(&code(1)).await;
    assert!(matches!(right, LogIn::Wait { .. }), "the right one too");
    desk.clock.advance(Duration::seconds(2));
    let LogIn::Done(session) = confirm(&code(1)).await else {
        panic!("both fit");
    };

    // It is not taken away by whoever lacks it.
    let remove = async |code: &str| {
        let removed = access.remove_second_factor(&session.token, code).await;
        removed.expect("writing").err()
    };
    let kept = async || {
        let has = access.has_second_factor(county(), Role::Approver.account_id());
        has.await.expect("reading")
    };
    assert_eq!(remove(&code(9)).await, Some(Refusal::WrongCode));
    assert_eq!(remove(&code(1)).await, Some(Refusal::WrongCode), "used");
    assert!(kept().await);
    desk.clock.advance(Duration::seconds(60));
    assert_eq!(remove(&code(0)).await, None);
    assert!(!kept().await);
}

/// A pass is good for what it was opened for: a session or key sets no password as a link does, and a
/// key or link changes nothing of the account.
#[tokio::test]
async fn no_pass_is_taken_for_another() {
    let desk = TestDesk::in_memory().await;
    let access = desk.office().access;
    let (account, person) = (Role::Approver.account_id(), Role::Approver.person_id());
    let session = access.log_in("ins.wu", PASSWORD).await.expect("reading");
    let session = session.expect("both fit").token;
    let link = access.make_link(county(), account, person, None).await;
    let (link, _) = link.expect("writing");
    let key = Role::Approver.token();
    for token in [&session, &key] {
        assert_eq!(access.link(token).await.expect("reading"), None);
        let used = access.use_link(token, GOOD).await.expect("reading");
        assert_eq!(used, Err(Refusal::LinkEnded));
        let confirmed = access.confirm_sign_in(token, "000000").await;
        assert!(matches!(confirmed, Ok(LogIn::Wrong)));
    }
    for token in [&link, &key] {
        let changed = access.change_password(token, PASSWORD, GOOD).await;
        assert_eq!(changed.expect("reading"), Err(Refusal::NotFound));
        let begun = access.begin_second_factor(token).await.expect("reading");
        assert_eq!(begun.err(), Some(Refusal::NotFound));
        let acting = access.act_on_behalf(token, None).await.expect("reading");
        assert_eq!(acting.err(), Some(Refusal::NotFound));
    }
}

/// Who acts in another's place, as if it were resolved from a session.
fn in_place_of(absent: Role, substitute: Role) -> Caller {
    Caller {
        account: substitute.account_id(),
        person: substitute.person_id(),
        on_behalf_of: Some(absent.person_id()),
        ..absent.caller()
    }
}

/// A place is lent for a year at most, in person, between its days.
#[tokio::test]
async fn a_place_is_lent_within_limits() {
    let desk = TestDesk::in_memory().await;
    let access = desk.office().access;
    let today = legal_day(desk.now());
    let (qian, shen, zhao) = (Role::Supervisor, Role::Reviewer, Role::CountyCaseworker);
    let grant = async |by: &Caller, absent: Role, substitute: Role, from: i64, until: i64| {
        let (from, until) = (today + Duration::days(from), today + Duration::days(until));
        let (absent, substitute) = (absent.person_id(), substitute.person_id());
        let granted = access.grant_substitution(by, absent, substitute, from, until);
        granted.await.expect("writing").err()
    };
    let refused = |field, reason| Some(Refusal::Invalid { field, reason });
    let own = qian.caller();
    let year = limits::SUBSTITUTION_DAYS_MAX;
    let long = refused("until", "NOT_WITHIN_A_YEAR");
    assert_eq!(grant(&own, qian, zhao, 0, year + 1).await, long);
    assert_eq!(grant(&own, qian, zhao, 0, -1).await, long);
    assert_eq!(grant(&own, qian, zhao, 0, year).await, None);
    let same = refused("substituteId", "SAME_PERSON");
    assert_eq!(grant(&own, qian, qian, 0, 0).await, same);
    let approver = Role::Approver;
    let system = grant(&approver.caller(), approver, Role::Connector, 0, 0).await;
    assert_eq!(system, refused("substituteId", "NOT_A_COLLEAGUE"));
    // Whoever stands in another's place, or shows a key to read with, lends no place.
    let lent = in_place_of(qian, zhao);
    assert_eq!(
        grant(&lent, zhao, shen, 0, 0).await,
        Some(Refusal::DutyMissing)
    );
    let reading = Caller {
        grants: vec![Grant::Read],
        ..qian.caller()
    };
    assert_eq!(
        grant(&reading, qian, shen, 0, 0).await,
        Some(Refusal::DutyMissing)
    );
    let bare = Caller {
        second_factor_wanted: true,
        ..qian.caller()
    };
    assert_eq!(
        grant(&bare, qian, shen, 0, 0).await,
        Some(Refusal::SecondFactor)
    );

    // Not before its first day, not after its last.
    assert_eq!(grant(&own, qian, shen, 1, 1).await, None);
    for expected in [Some(Refusal::NotFound), None, Some(Refusal::NotFound)] {
        let session = access.log_in("office.shen", PASSWORD).await;
        let token = session.expect("reading").expect("both fit").token;
        let acting = access.act_on_behalf(&token, Some(qian.person_id())).await;
        assert_eq!(acting.expect("writing").err(), expected);
        desk.pass_days(1);
    }
}

/// A duty for a time begins on its first day, and its days are in order.
#[tokio::test]
async fn a_duty_begins_on_its_day() {
    let desk = TestDesk::in_memory().await;
    let access = desk.office().access;
    let administrator = Role::Administrator.caller();
    let today = legal_day(desk.now());
    let morrow = today + Duration::days(1);
    let put = async |from, until| {
        let region = Role::Supervisor.person().region;
        let duty = Duty::CountySupervisor;
        let put = access.put_assignment(&administrator, "office.zhao", duty, region, from, until);
        put.await.expect("writing").err()
    };
    let turned = Refusal::Invalid {
        field: "until",
        reason: "BEFORE_FROM",
    };
    assert_eq!(put(morrow, Some(today)).await, Some(turned));
    assert_eq!(put(morrow, Some(morrow)).await, None);
    for expected in [false, true, false] {
        let known = desk
            .office()
            .access
            .caller(&Role::CountyCaseworker.token())
            .await;
        let caller = known.expect("reading").expect("a caller");
        assert_eq!(caller.holds(Duty::CountySupervisor), expected);
        desk.pass_days(1);
    }
}

/// Accounts are administered in person, with a credential that acts; the record is for those who
/// watch; a reset ends what was opened.
#[tokio::test]
async fn accounts_are_administered_in_person() {
    let desk = TestDesk::in_memory().await;
    let access = desk.office().access;
    let administrator = Role::Administrator.caller();
    let reading = Caller {
        grants: vec![Grant::Read],
        ..Role::Administrator.caller()
    };
    for caller in [
        Role::Supervisor.caller(),
        in_place_of(Role::Administrator, Role::CountyCaseworker),
        reading,
    ] {
        let staff = access.staff(&caller).await.expect("reading");
        assert_eq!(staff.err(), Some(Refusal::DutyMissing));
    }
    let events = async |role: Role| {
        let events = access.events(&role.caller(), None, None, true, 1).await;
        events.expect("reading").err()
    };
    assert_eq!(events(Role::Supervisor).await, Some(Refusal::DutyMissing));
    assert_eq!(events(Role::Auditor).await, None);

    let session = access.log_in("office.zhao", PASSWORD).await;
    let token = session.expect("reading").expect("both fit").token;
    let begun = access.begin_second_factor(&token).await.expect("writing");
    let secret = begun.expect("none yet").secret;
    let code = second_factor::code_at(&secret, desk.now()).expect("a code");
    let confirmed = access.confirm_second_factor(&token, &code).await;
    let (_, token) = confirmed.expect("writing").expect("it fits");
    let reset = async |login: &str| {
        let reset = access.reset_second_factor(&administrator, login).await;
        reset.expect("writing")
    };
    assert_eq!(reset("office.admin").await, Err(Refusal::Own));
    assert_eq!(reset("ins.wu").await, Err(Refusal::NotFound));
    assert_eq!(reset("office.zhao").await, Ok(()));
    assert_eq!(access.caller(&token).await.expect("reading"), None);
    let alone = access.sign_in("office.zhao", PASSWORD, None).await;
    assert!(matches!(alone, Ok(LogIn::Done(_))));
}

/// What a key's order must hold, and whose hand gives its secret out.
#[tokio::test]
async fn a_key_is_ordered_in_person() {
    let desk = TestDesk::in_memory().await;
    let access = desk.office().access;
    let zhao = Role::CountyCaseworker.caller();
    let order = || KeyOrder {
        login: "office.zhao".into(),
        label: "核心系统(测试)".into(),
        grants: vec![Grant::Act],
        duties: None,
        region: None,
        days: 1,
    };
    let ordered = async |caller: &Caller, order: KeyOrder| {
        let answer = access.make_key(caller, order).await;
        answer.expect("writing")
    };
    let refused = |field, reason| Some(Refusal::Invalid { field, reason });
    let outside = RegionCode::new("130303").expect("a code");
    for (faulty, field, reason) in [
        (
            KeyOrder {
                label: " ".into(),
                ..order()
            },
            "label",
            "LENGTH",
        ),
        (
            KeyOrder {
                grants: Vec::new(),
                ..order()
            },
            "grants",
            "EMPTY",
        ),
        (KeyOrder { days: 0, ..order() }, "days", "NOT_1_TO_400"),
        (
            KeyOrder {
                duties: Some(Vec::new()),
                ..order()
            },
            "duties",
            "NOT_HELD",
        ),
        (
            KeyOrder {
                region: Some(outside),
                ..order()
            },
            "regionCode",
            "NOT_HELD",
        ),
    ] {
        let answer = ordered(&zhao, faulty).await;
        assert_eq!(answer.err(), refused(field, reason));
    }
    let lent = in_place_of(Role::Supervisor, Role::CountyCaseworker);
    let reading = Caller {
        grants: vec![Grant::Read],
        ..zhao.clone()
    };
    for caller in [&lent, &reading] {
        let answer = ordered(caller, order()).await;
        assert_eq!(answer.err(), Some(Refusal::DutyMissing));
    }
    let bare = Caller {
        second_factor_wanted: true,
        ..zhao.clone()
    };
    let answer = ordered(&bare, order()).await;
    assert_eq!(answer.err(), Some(Refusal::SecondFactor));

    let (_, acting) = ordered(&zhao, order()).await.expect("its own");
    let rotate = async |caller: &Caller, hours: i64| {
        let rotated = access.rotate_key(caller, acting.id, hours).await;
        rotated.expect("writing").err()
    };
    let hours = limits::KEY_OVERLAP_HOURS_MAX;
    let overlap = refused("overlapHours", "NOT_0_TO_168");
    assert_eq!(rotate(&zhao, hours + 1).await, overlap);
    assert_eq!(rotate(&zhao, -1).await, overlap);
    assert_eq!(rotate(&lent, 0).await, Some(Refusal::NotFound));
    let administrator = Role::Administrator.caller();
    let not_hers = refused("grants", "NOT_FOR_ANOTHER_PERSON");
    assert_eq!(rotate(&administrator, 0).await, not_hers);
    assert_eq!(rotate(&zhao, hours).await, None);
}
