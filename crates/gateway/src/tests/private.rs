//! Private values over the wire: told one at a time, on record, to whoever needs them; and no free text
//! of a mutation is a way around it.

use super::{Reply, Wire};
use crate::Allowance;
use crate::node_id::{self, Kind};
use crate::schema::sdl;
use async_graphql::parser::parse_schema;
use async_graphql::parser::types::{BaseType, Type, TypeKind, TypeSystemDefinition};
use axum::body::Body;
use axum::http::{Request, StatusCode};
use engine::access::Office;
use engine::bank_file::{BankForm, BankOrder};
use engine::disclosure::{Disclosed, PrivateField};
use engine::household::Household;
use engine::ids;
use engine::testkit::world::{Role, TestDesk, county};
use lifecycle::Claim;
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet};

const ID_NUMBER: &str = "130302199001010016";
const PHONE: &str = "13977318264";
const DIAGNOSIS: &str = "某种要保密的病";
const REVEAL: &str = "office/RevealHouseholdField.graphql";

/// The id of what is part of a household.
fn part(kind: Kind, home: &Household, id: uuid::Uuid) -> String {
    node_id::encode_part(kind, home.id.0, id).to_string()
}

/// A household with everything that is private, and a claim of it under way at the insurer.
struct Case {
    wire: Wire,
    home: Household,
    claim: Claim,
}

impl Case {
    async fn open() -> Self {
        Self::with(|office| office).await
    }

    async fn with(office: impl FnOnce(Office) -> Office) -> Self {
        let desk = TestDesk::in_memory().await;
        let home = desk.world.household("石门寨").clone();
        let claim = desk.refer(&home).accept().await;
        let settings = crate::Settings {
            allowance: Allowance {
                max: 1_000_000_000,
                refill_per_second: 1_000_000,
            },
            ..crate::Settings::default()
        };
        let order = BankOrder {
            id: ids::named("test", "another"),
            name: "回盘".into(),
            form: BankForm::ResultList,
            hash: String::new(),
            batch: None,
            lines: Vec::new(),
        };
        let finance = Role::Finance.caller();
        let read = desk.desk.read_bank_file(&finance, order);
        read.await.expect("writing").expect("an insurer's");
        let router = crate::router(office(desk.office()), settings);
        let case = Self {
            wire: Wire { desk, router },
            home,
            claim,
        };
        let input = json!({ "input": {
            "idempotencyKey": ids::fresh(), "householdId": case.id(Kind::Household), "phone": PHONE,
            "claimId": case.id(Kind::Claim), "diagnosis": DIAGNOSIS,
        } });
        let file = "office/RecordPrivateDetails.graphql";
        let reply = case.wire.document(Role::Shimenzhai, file, input).await;
        let payload = &reply.body["data"]["recordPrivateDetails"];
        assert_eq!(payload["userErrors"], json!([]), "{}", reply.body);
        assert_eq!(payload["household"]["phoneMasked"], "139****8264");
        assert_eq!(payload["claim"]["diagnosisRecorded"], true);
        case
    }

    fn id(&self, kind: Kind) -> String {
        let another = ids::named("test", "another");
        let id = match kind {
            Kind::Member => return part(kind, &self.home, self.home.members[1].id.0),
            Kind::Payee => return part(kind, &self.home, self.home.payees[0].id.0),
            Kind::Objection => {
                return node_id::encode_part(kind, self.claim.id.0, another).to_string();
            }
            Kind::Household => self.home.id.0,
            Kind::Claim => self.claim.id.0,
            Kind::Scheme => self.wire.desk.world.scheme.id.0,
            Kind::Person => Role::Surveyor.person_id().0,
            Kind::Pass
            | Kind::BankFile
            | Kind::PaymentBatch
            | Kind::Endpoint
            | Kind::Delivery
            | Kind::Message => another,
            other => panic!("{other:?}"),
        };
        node_id::encode(kind, id).to_string()
    }

    /// What is asked to read a field.
    fn ask(&self, field: PrivateField) -> Value {
        let mut input = json!({
            "householdId": self.id(Kind::Household), "field": field.code(), "purpose": "VERIFICATION",
            "reason": "入户前核对",
        });
        match field {
            PrivateField::IdNumber => input["memberId"] = json!(self.id(Kind::Member)),
            PrivateField::Account => input["payeeId"] = json!(self.id(Kind::Payee)),
            PrivateField::Phone => {}
            PrivateField::Diagnosis => input["claimId"] = json!(self.id(Kind::Claim)),
        }
        input
    }

    fn plain(&self, field: PrivateField) -> &str {
        match field {
            PrivateField::IdNumber => self.home.members[1].id_number.reveal(),
            PrivateField::Account => self.home.payees[0].account.reveal(),
            PrivateField::Phone => PHONE,
            PrivateField::Diagnosis => DIAGNOSIS,
        }
    }

    async fn reveal(&self, role: Role, input: Value) -> Reply {
        let reply = self.wire.document(role, REVEAL, json!({ "input": input }));
        let reply = reply.await;
        assert_eq!(reply.headers["cache-control"], "no-store", "{}", reply.text);
        reply
    }

    /// The same with an API key.
    async fn reveal_with(&self, key: &str, input: Value) -> Reply {
        let path = super::contract_file("operations").join(REVEAL);
        let query = std::fs::read_to_string(path).unwrap();
        let body = json!({ "query": query, "variables": { "input": input } });
        let request = Request::post("/graphql")
            .header("content-type", "application/json")
            .header("accept", "application/graphql-response+json")
            .header("authorization", format!("Bearer {key}"));
        let request = request.body(Body::from(body.to_string())).unwrap();
        self.wire.send(request).await
    }

    /// Everything that stands on record.
    async fn record(&self) -> Vec<Disclosed> {
        let store = self.wire.desk.store();
        store.disclosure_log(county(), 0, 1_000).await.unwrap()
    }

    /// That no private value stands in an answer.
    fn tells_nothing(&self, reply: &Reply) {
        for field in PrivateField::ALL {
            assert!(!reply.text.contains(self.plain(field)), "{}", reply.text);
        }
    }
}

fn code(reply: &Reply) -> &str {
    let error = &reply.body["data"]["revealHouseholdField"]["userErrors"][0]["code"];
    error.as_str().unwrap_or_else(|| reply.code())
}

/// Every duty asks for every field: told is what its work needs, and exactly that stands on record.
#[tokio::test]
async fn a_value_is_told_to_whose_work_needs_it_and_stands_on_record() {
    let case = Case::open().await;
    let mut told = Vec::new();
    for role in Role::ALL {
        for field in PrivateField::ALL {
            let reply = case.reveal(*role, case.ask(field)).await;
            let payload = &reply.body["data"]["revealHouseholdField"];
            let of_the_case = ![Role::Zhucaoying, Role::RivalHandler].contains(role);
            let caller = role.caller();
            let reads = field.readers().iter().any(|duty| caller.holds(*duty));
            if of_the_case && reads {
                assert_eq!(
                    payload["value"],
                    case.plain(field),
                    "{role:?} {}",
                    reply.text
                );
                assert_eq!(payload["userErrors"], json!([]));
                assert_eq!(payload["disclosure"]["reason"], "入户前核对");
                told.push((
                    field,
                    role.person_id(),
                    payload["disclosure"]["seq"].clone(),
                ));
            } else {
                let refused = ["DUTY_MISSING", "FORBIDDEN", "NOT_FOUND"];
                assert!(
                    refused.contains(&code(&reply)),
                    "{role:?} {field:?} {}",
                    reply.text
                );
                assert!(payload["value"].is_null() && payload["disclosure"].is_null());
                case.tells_nothing(&reply);
            }
        }
    }
    let record = case.record().await;
    let stands: Vec<_> = record
        .iter()
        .map(|it| (it.what.subject.field(), it.what.person, json!(it.seq)))
        .collect();
    assert_eq!(stands, told);
    assert!(told.len() > 15, "{told:?}");
    assert!(record.iter().all(|it| it.what.household == case.home.id));

    // Whoever watches sees all of it, and no value.
    let home = json!({ "householdId": case.id(Kind::Household), "last": 100 });
    let file = "office/Disclosures.graphql";
    let reply = case.wire.document(Role::Auditor, file, home.clone()).await;
    let shown = reply.body["data"]["disclosures"]["nodes"]
        .as_array()
        .unwrap();
    let shown: Vec<_> = shown
        .iter()
        .map(|it| (it["seq"].clone(), it["field"].clone(), it["reason"].clone()))
        .collect();
    let expected: Vec<_> = record
        .iter()
        .map(|it| {
            (
                json!(it.seq),
                json!(it.what.subject.field().code()),
                json!("入户前核对"),
            )
        })
        .collect();
    assert_eq!(shown, expected);
    case.tells_nothing(&reply);
    let reply = case.wire.document(Role::Shimenzhai, file, home).await;
    assert_eq!(reply.code(), "FORBIDDEN", "{}", reply.text);
}

/// What is asked wrongly is refused with the reason, and leaves no trace on record.
#[tokio::test]
async fn what_is_asked_wrongly_is_refused() {
    use PrivateField as F;
    let case = Case::open().await;
    let stranger = case.wire.desk.world.household("驻操营").clone();
    let other = |kind, id| json!(node_id::encode(kind, id));
    let theirs = |kind, id| json!(part(kind, &stranger, id));
    let asked = |field: F, name: &str, value: Value| {
        let mut input = case.ask(field);
        input[name] = value;
        input
    };
    let long = "长".repeat(engine::limits::TEXT_CHARS_MAX + 1);
    for (input, expected) in [
        (
            asked(F::Phone, "reason", json!("核对")),
            "VALIDATION TOO_SHORT",
        ),
        (
            asked(F::Phone, "reason", json!(" 核  \n ")),
            "VALIDATION TOO_SHORT",
        ),
        (
            asked(F::Phone, "reason", json!(long)),
            "VALIDATION TOO_LONG",
        ),
        (
            asked(F::Phone, "reason", json!(format!("核对{ID_NUMBER}"))),
            "PRIVATE_IN_TEXT reason",
        ),
        (
            asked(F::Phone, "reason", json!(format!("回拨 {PHONE}"))),
            "PRIVATE_IN_TEXT reason",
        ),
        (
            asked(F::Phone, "memberId", json!(case.id(Kind::Member))),
            "VALIDATION NOT_OF_THIS_FIELD",
        ),
        (
            asked(F::IdNumber, "memberId", Value::Null),
            "VALIDATION MISSING",
        ),
        (
            asked(F::IdNumber, "memberId", json!(case.id(Kind::Payee))),
            "VALIDATION UNKNOWN",
        ),
        (
            asked(
                F::IdNumber,
                "memberId",
                theirs(Kind::Member, stranger.head.0),
            ),
            "NOT_FOUND",
        ),
        (
            asked(
                F::Account,
                "payeeId",
                theirs(Kind::Payee, stranger.payees[0].id.0),
            ),
            "NOT_FOUND",
        ),
        (
            asked(F::Diagnosis, "claimId", other(Kind::Claim, ids::fresh())),
            "NOT_FOUND",
        ),
        (
            asked(
                F::Phone,
                "householdId",
                other(Kind::Household, stranger.id.0),
            ),
            "NOT_FOUND",
        ),
        (asked(F::Phone, "householdId", json!("AQ")), "NOT_FOUND"),
    ] {
        let reply = case.reveal(Role::Shimenzhai, input.clone()).await;
        let error = &reply.body["data"]["revealHouseholdField"]["userErrors"][0];
        let params = error["params"].as_array().into_iter().flatten();
        let last = params.last().map_or("", |it| it["value"].as_str().unwrap());
        let told = format!("{} {last}", code(&reply));
        assert_eq!(told.trim(), expected, "{input} {}", reply.text);
        case.tells_nothing(&reply);
        assert!(!reply.text.contains(ID_NUMBER), "{}", reply.text);
    }
    // Nothing was written down of another claim.
    let second = case.wire.desk.refer(&stranger).await;
    let input = json!({
        "householdId": node_id::encode(Kind::Household, stranger.id.0), "field": "DIAGNOSIS",
        "claimId": node_id::encode(Kind::Claim, second.id.0), "purpose": "VERIFICATION", "reason": "入户前核对",
    });
    let reply = case.reveal(Role::Zhucaoying, input).await;
    assert_eq!(code(&reply), "NOTHING_RECORDED", "{}", reply.text);
    assert_eq!(case.record().await, []);
}

/// An account reads so many a day, all its sessions together; the next day it reads on.
#[tokio::test]
async fn a_day_has_its_number_of_values() {
    let case = Case::with(|office| Office {
        desk: office.desk.reveals_per_day(2),
        ..office
    })
    .await;
    let phone = || case.ask(PrivateField::Phone);
    for expected in ["", "", "REVEALS_EXHAUSTED", "REVEALS_EXHAUSTED"] {
        let reply = case.reveal(Role::Shimenzhai, phone()).await;
        assert_eq!(code(&reply), expected, "{}", reply.text);
        let payload = &reply.body["data"]["revealHouseholdField"];
        assert_eq!(payload["value"].is_string(), expected.is_empty());
        if !expected.is_empty() {
            assert_eq!(payload["userErrors"][0]["params"][0]["value"], "2");
            case.tells_nothing(&reply);
        }
    }
    assert_eq!(case.record().await.len(), 2);
    let reply = case.reveal(Role::Handler, phone()).await;
    assert_eq!(code(&reply), "", "another account has its own");
    case.wire.desk.pass_days(1);
    let reply = case.reveal(Role::Shimenzhai, phone()).await;
    assert_eq!(code(&reply), "", "another day: {}", reply.text);
    assert_eq!(case.record().await.len(), 4);
}

/// An API key reads nothing private unless it was made for it.
#[tokio::test]
async fn a_key_without_the_grant_reads_nothing_private() {
    let case = Case::open().await;
    for (grants, expected) in [
        (json!(["READ", "ACT", "BULK"]), "FORBIDDEN"),
        (json!(["READ", "REVEAL"]), ""),
    ] {
        let input = json!({ "input": {
            "login": Role::Shimenzhai.login(), "label": "核心系统", "grants": grants, "days": 30,
        } });
        let made = case
            .wire
            .document(Role::Shimenzhai, "office/CreateApiKey.graphql", input);
        let made = made.await;
        let key = made.body["data"]["createApiKey"]["secret"].as_str();
        let key = key.unwrap_or_else(|| panic!("{}", made.text));
        let reply = case.reveal_with(key, case.ask(PrivateField::Phone)).await;
        assert_eq!(code(&reply), expected, "{grants} {}", reply.text);
        let value = &reply.body["data"]["revealHouseholdField"]["value"];
        assert_eq!(value.is_string(), expected.is_empty());
    }
    assert_eq!(case.record().await.len(), 1);
}

/// Texts of mutations that may hold such digits, each with the reason. Every other one is a free text.
const NO_FREE_TEXT: &[(&str, &str)] = &[
    ("approveClaim.dossierHash", "compared with the dossier"),
    (
        "attachDocument.evidence.sha256",
        "64 hexadecimal digits, checked",
    ),
    ("changePassword.present", "a secret, compared"),
    ("changePassword.password", "a secret, hashed"),
    (
        "declareIneligible.lines.clauseId",
        "compared with the clauses there are",
    ),
    ("issueRefusalLetter.contentHash", "compared with the letter"),
    (
        "rejectClaim.lines.clauseId",
        "compared with the clauses there are",
    ),
    ("confirmEnrolment.code", "a code, compared"),
    (
        "confirmPayout.bankRef",
        "a bank's number, which may be as long as an account",
    ),
    (
        "confirmPayout.instructionNo",
        "compared with the instruction",
    ),
    ("confirmSecondFactor.code", "a code, compared"),
    ("confirmSecondFactor.ticket", "a secret, compared"),
    ("createApiKey.login", "compared with the accounts there are"),
    ("createApiKey.regionCode", "a code of a region"),
    (
        "inviteAccount.login",
        "compared with the accounts there are",
    ),
    ("logIn.login", "compared with the accounts there are"),
    ("logIn.password", "a secret, compared"),
    (
        "preparePaymentBatch.payerAccount",
        "the insurer's own account",
    ),
    ("previewNotice.contentHash", "compared with the content"),
    (
        "putAssignment.login",
        "compared with the accounts there are",
    ),
    ("putAssignment.regionCode", "a code of a region"),
    (
        "reconcilePayout.bankRef",
        "a bank's number, which may be as long as an account",
    ),
    (
        "recordPublicationProof.contentHash",
        "compared with the content",
    ),
    (
        "recordRecovery.bankRef",
        "a bank's number, which may be as long as an account",
    ),
    ("referBatch.lines.account", "sealed"),
    ("referBatch.lines.headIdNumber", "sealed"),
    ("referBatch.lines.insuredIdNumber", "sealed"),
    (
        "referBatch.lines.payeeIdNumber",
        "compared with the members",
    ),
    ("referBatch.lines.villageCode", "a code of a region"),
    (
        "recordFinding.evidence.sha256",
        "64 hexadecimal digits, checked",
    ),
    (
        "recordPublicationProof.evidence.sha256",
        "64 hexadecimal digits, checked",
    ),
    (
        "recordVerification.evidence.sha256",
        "64 hexadecimal digits, checked",
    ),
    ("recordPayeeCheck.sha256", "64 hexadecimal digits, checked"),
    ("recordPrivateDetails.diagnosis", "sealed"),
    ("recordPrivateDetails.phone", "sealed"),
    ("recordVerification.bills.issuer", "hashed at once"),
    ("recordVerification.bills.number", "hashed at once"),
    ("registerPayee.account", "sealed"),
    (
        "registerPayee.heirPapers.deathCertificate",
        "64 hexadecimal digits, checked",
    ),
    (
        "registerPayee.heirPapers.heirsAgreement",
        "64 hexadecimal digits, checked",
    ),
    (
        "registerPayee.heirPapers.relationProof",
        "64 hexadecimal digits, checked",
    ),
    ("removeSecondFactor.code", "a code, compared"),
    (
        "reportPayoutFailure.instructionNo",
        "compared with the instruction",
    ),
    (
        "reportPayoutReturned.bankRef",
        "a bank's number, which may be as long as an account",
    ),
    (
        "reportPayoutReturned.instructionNo",
        "compared with the instruction",
    ),
    (
        "resetSecondFactor.login",
        "compared with the accounts there are",
    ),
    (
        "revokeAccount.login",
        "compared with the accounts there are",
    ),
    ("setDuties.login", "compared with the accounts there are"),
    ("setDuties.regionCode", "a code of a region"),
    (
        "secondApproveClaim.dossierHash",
        "compared with the dossier",
    ),
    ("startExport.region", "a code of a region"),
    ("workIn.regionCode", "a code of a region"),
    (
        "createWebhookEndpoint.url",
        "an address, to which is connected",
    ),
    (
        "updateWebhookEndpoint.url",
        "an address, to which is connected",
    ),
    (
        "registerConnectorKey.login",
        "compared with the accounts there are",
    ),
    ("registerConnectorKey.publicKey", "a key, checked"),
    ("receiveBankMessage.messageId", "signed"),
    ("receiveBankMessage.timestamp", "a number, compared"),
    ("receiveBankMessage.signature", "compared"),
    (
        "receiveBankMessage.body",
        "signed; quarantined and not kept if it holds private data",
    ),
    (
        "readBankFile.content",
        "a file, read into lines without private data",
    ),
];

/// The contract's types, and values of them.
struct Contract(BTreeMap<String, TypeKind>);

/// One mutation: its name, its arguments, the type of its answer.
type Mutation = (String, Vec<(String, Type)>, Type);

impl Contract {
    fn read() -> Self {
        let document = parse_schema(sdl()).unwrap();
        let types = document.definitions.into_iter().filter_map(|it| match it {
            TypeSystemDefinition::Type(it) => Some((it.node.name.node.to_string(), it.node.kind)),
            TypeSystemDefinition::Schema(_) | TypeSystemDefinition::Directive(_) => None,
        });
        Self(types.collect())
    }

    fn mutations(&self) -> Vec<Mutation> {
        let Some(TypeKind::Object(root)) = self.0.get("Mutation") else {
            panic!("no mutations");
        };
        let fields = root.fields.iter().map(|it| &it.node);
        fields
            .map(|field| {
                let arguments = field.arguments.iter().map(|it| &it.node);
                let arguments = arguments
                    .map(|it| (it.name.node.to_string(), it.ty.node.clone()))
                    .collect();
                (
                    field.name.node.to_string(),
                    arguments,
                    field.ty.node.clone(),
                )
            })
            .collect()
    }

    /// The fields of an input type: name, type, whether it may be left out.
    fn fields(&self, ty: &str) -> Vec<(String, Type, bool)> {
        let Some(TypeKind::InputObject(input)) = self.0.get(ty) else {
            return Vec::new();
        };
        let fields = input.fields.iter().map(|it| &it.node);
        fields
            .map(|it| {
                let optional = it.ty.node.nullable || it.default_value.is_some();
                (it.name.node.to_string(), it.ty.node.clone(), optional)
            })
            .collect()
    }

    /// The paths to every text below a type.
    fn texts(&self, ty: &Type, path: &[String], found: &mut Vec<Vec<String>>) {
        match named(ty) {
            "String" => found.push(path.to_vec()),
            name => {
                for (field, ty, _) in self.fields(name) {
                    let deeper: Vec<String> = path.iter().cloned().chain([field]).collect();
                    self.texts(&ty, &deeper, found);
                }
            }
        }
    }

    /// A value of a type; where the path leads, the text.
    fn value(&self, case: &Case, name: &str, ty: &Type, path: &[String], text: &str) -> Value {
        if let BaseType::List(item) = &ty.base {
            return json!([self.value(case, name, item, path, text)]);
        }
        match named(ty) {
            "String" if path.is_empty() && !text.is_empty() => json!(text),
            "String" => json!("文字"),
            "Int" if name == "expectedVersion" => json!(case.claim.version),
            "Int" => json!(1),
            "Boolean" => json!(false),
            "Fen" => json!("100"),
            "Date" => json!("2020-05-20"),
            "DateTime" => json!("2020-06-20T00:00:00Z"),
            "UUID" => json!(ids::fresh()),
            "ID" => json!(case.id(kind_of(name))),
            other => match self.0.get(other) {
                Some(TypeKind::Enum(values)) => json!(values.values[0].node.value.node.as_str()),
                Some(TypeKind::InputObject(_)) => {
                    let mut object = Map::new();
                    for (field, ty, optional) in self.fields(other) {
                        let here = path.first() == Some(&field);
                        if here || !optional {
                            let (rest, text) = if here {
                                (&path[1..], text)
                            } else {
                                (&[][..], "")
                            };
                            let value = self.value(case, &field, &ty, rest, text);
                            object.insert(field, value);
                        }
                    }
                    Value::Object(object)
                }
                Some(_) | None => panic!("{name}: {other}"),
            },
        }
    }
}

fn named(ty: &Type) -> &str {
    match &ty.base {
        BaseType::List(item) => named(item),
        BaseType::Named(name) => name.as_str(),
    }
}

fn kind_of(name: &str) -> Kind {
    match name {
        "claimId" => Kind::Claim,
        "householdId" => Kind::Household,
        "memberId" | "insuredMemberId" => Kind::Member,
        "payeeId" => Kind::Payee,
        "schemeId" => Kind::Scheme,
        "objectionId" => Kind::Objection,
        "surveyorId" | "personId" | "absentId" | "substituteId" => Kind::Person,
        "id" => Kind::Pass,
        "fileId" => Kind::BankFile,
        "batchId" => Kind::PaymentBatch,
        "endpointId" => Kind::Endpoint,
        "deliveryId" => Kind::Delivery,
        "messageId" => Kind::Message,
        other => panic!("of which kind is {other}?"),
    }
}

/// The free texts go into the log, which is kept for ever: what has fields of its own is refused in every one
/// of them. A text that a mutation gains is found here, and is a free text unless it is said why not.
#[tokio::test]
async fn no_free_text_takes_a_private_value() {
    let case = Case::open().await;
    let contract = Contract::read();
    let events = case.wire.desk.log().await;
    let (mut free, mut met, mut open) = (0, BTreeSet::new(), Vec::new());
    for (mutation, arguments, answer) in contract.mutations() {
        for (argument, ty) in &arguments {
            let mut texts = Vec::new();
            contract.texts(ty, &[], &mut texts);
            for path in texts {
                let outer = (argument != "input").then(|| argument.clone());
                let whole: Vec<String> = outer.into_iter().chain(path.iter().cloned()).collect();
                let whole = format!("{mutation}.{}", whole.join("."));
                if NO_FREE_TEXT.iter().any(|(known, _)| *known == whole) {
                    met.insert(whole);
                    continue;
                }
                free += 1;
                let asked = Asked {
                    mutation: &mutation,
                    arguments: &arguments,
                    answer: named(&answer),
                    argument,
                    path: &path,
                };
                if !asked.is_refused(&case, &contract).await {
                    open.push(whole);
                }
            }
        }
    }
    assert_eq!(open, Vec::<String>::new(), "take an identity number");
    let known: BTreeSet<String> = NO_FREE_TEXT
        .iter()
        .map(|(it, _)| (*it).to_owned())
        .collect();
    assert_eq!(met, known, "named, but no text of a mutation");
    assert!(free > 20, "{free} free texts");
    assert_eq!(
        case.wire.desk.log().await.len(),
        events.len(),
        "nothing was written"
    );
}

/// A text of a mutation.
struct Asked<'a> {
    mutation: &'a str,
    arguments: &'a [(String, Type)],
    answer: &'a str,
    argument: &'a str,
    path: &'a [String],
}

impl Asked<'_> {
    /// Whether an identity number, an account and a phone are refused there, whoever sends it, and none is
    /// repeated.
    async fn is_refused(&self, case: &Case, contract: &Contract) -> bool {
        let mut refused = true;
        for text in [ID_NUMBER, "卡号6228480000001234567", PHONE] {
            let replies = self.replies(case, contract, text).await;
            let repeated = replies.iter().find(|it| it.text.contains(text));
            assert!(repeated.is_none(), "{}", self.mutation);
            let told = |it: &Reply| it.text.contains("\"PRIVATE_IN_TEXT\"");
            refused &= replies.iter().any(told);
        }
        refused
    }

    /// What each role is answered.
    async fn replies(&self, case: &Case, contract: &Contract, text: &str) -> Vec<Reply> {
        let (mut declared, mut passed) = (Vec::new(), Vec::new());
        let mut variables = Map::new();
        for (name, ty) in self.arguments {
            declared.push(format!("${name}: {ty}"));
            passed.push(format!("{name}: ${name}"));
            let here = name == self.argument;
            let (path, text) = if here {
                (self.path, text)
            } else {
                (&[][..], "")
            };
            variables.insert(name.clone(), contract.value(case, name, ty, path, text));
        }
        let lines = if self.answer == "ReferBatchPayload" {
            "lines { userErrors { code } }"
        } else {
            ""
        };
        let query = format!(
            "mutation M({}) {{ {}({}) {{ {lines} userErrors {{ code }} }} }}",
            declared.join(", "),
            self.mutation,
            passed.join(", ")
        );
        let body = json!({ "query": query, "variables": variables });
        let mut replies = Vec::new();
        for role in Role::ALL {
            let reply = case.wire.post(Some(*role), &body).await;
            assert_ne!(
                reply.status,
                StatusCode::BAD_REQUEST,
                "{query} {}",
                reply.text
            );
            replies.push(reply);
        }
        replies
    }
}
