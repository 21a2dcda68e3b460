//! Authority (权限): who may do what, in one table. Every door asks it: the gateway before a document
//! is executed, the console before a page is made, an export before it begins.
//!
//! The table says which duties could ever hold an operation, which grant of the credential it needs,
//! and how far it reaches. Which duty of a county gives a command, and whether the claim and the
//! person allow it, is judged later by [`lifecycle::decide`]: that rule is not repeated here, the
//! rows of commands are derived from it. How far a read reaches is held by the store in every
//! statement, and on `PostgreSQL` again by row-level security.

use crate::caller::{Caller, Grant};
use lifecycle::{CommandKind, Duty, duty};
use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::LazyLock;

/// What kind of thing an operation is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Place {
    /// A field of `Query`.
    Query,
    /// A field of `Mutation`.
    Mutation,
    /// A field of `Subscription`.
    Subscription,
    /// A type that `node` finds.
    Node,
    /// A sensitive field of a type: `Type.field`.
    Field,
    /// The contents of an export.
    Export,
    /// A page of the console.
    Page,
}

/// Who could ever hold an operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Who {
    /// Also somebody who has not signed in.
    Anyone,
    /// Whoever has signed in.
    SignedIn,
    /// Whoever holds one of these duties.
    Holders(&'static [Duty]),
    /// Whoever holds a duty that some scheme may give this command.
    Command(CommandKind),
}

impl Who {
    /// Whether a duty is enough.
    pub fn admits(self, held: Duty) -> bool {
        match self {
            Self::Anyone | Self::SignedIn => true,
            Self::Holders(duties) => duties.contains(&held),
            Self::Command(command) => !duty::forbidden(command, held),
        }
    }
}

/// How far an operation reaches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    /// Nothing of the county.
    Nothing,
    /// The caller's own account and session.
    Own,
    /// The caller's own organisation.
    Organisation,
    /// Reference data of the caller's county.
    County,
    /// What lies in the caller's region.
    Region,
    /// The schemes of the county; for an insurer those it runs.
    Scheme,
    /// The pools of the county, for whoever has the whole of it; for an insurer those of the schemes it runs.
    Pool,
    /// The claims of the region; for an insurer its own among them.
    Claim,
    /// The households of the region; for an insurer those with a claim of its own.
    Household,
    /// As the node that is asked for.
    OfNode,
}

/// One row of the table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Authority {
    /// What kind of thing it is.
    pub place: Place,
    /// Its name: a root field, a type, `Type.field`, the contents of an export, a page's path.
    pub name: Cow<'static, str>,
    /// Who could ever hold it.
    pub who: Who,
    /// What the credential must be good for.
    pub grant: Grant,
    /// How far it reaches.
    pub reach: Reach,
    /// Whether it moves money: a county may want a second factor for it.
    pub money: bool,
}

/// Why an operation is denied.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Denied {
    /// Nobody has signed in.
    Anonymous,
    /// No duty of the caller could hold it.
    Duty,
    /// The credential is not good for it.
    Grant(Grant),
    /// It moves money, and no second factor was shown.
    SecondFactor,
    /// No row of the table: what is not in it does not happen.
    Unlisted,
}

use Duty::{
    Administrator, Approver, Auditor, BankConnector, CountyCaseworker, CountyReviewer,
    CountySupervisor, Finance, InsurerHandler, NoticeRenderer, Surveyor, TownshipCaseworker,
};

/// Who works on a case and must know the family. A bank's connector, a renderer of notices, a timer
/// and an administrator of accounts need not.
const CASE: &[Duty] = &[
    TownshipCaseworker,
    CountyCaseworker,
    CountySupervisor,
    CountyReviewer,
    InsurerHandler,
    Surveyor,
    Approver,
    Finance,
    Auditor,
];

/// Who may see that a claim exists, and how it stands.
const CLAIM: &[Duty] = &[
    TownshipCaseworker,
    CountyCaseworker,
    CountySupervisor,
    CountyReviewer,
    InsurerHandler,
    Surveyor,
    Approver,
    Finance,
    Auditor,
    BankConnector,
    NoticeRenderer,
];

/// Who must know whom to pay.
const PAYING: &[Duty] = &[
    TownshipCaseworker,
    CountyCaseworker,
    CountySupervisor,
    CountyReviewer,
    InsurerHandler,
    Surveyor,
    Approver,
    Finance,
    Auditor,
    BankConnector,
];

/// Who may look a family up by an identity number.
const LOOKING_UP: &[Duty] = &[
    TownshipCaseworker,
    CountyCaseworker,
    CountySupervisor,
    InsurerHandler,
];

/// Who registers where money goes.
const REGISTERING: &[Duty] = &[TownshipCaseworker, CountyCaseworker, InsurerHandler];

/// Whose work needs some private value in the clear; which, stands in
/// [`crate::disclosure::PrivateField::readers`].
const READING_PRIVATE: &[Duty] = &[
    TownshipCaseworker,
    CountyCaseworker,
    CountySupervisor,
    InsurerHandler,
    Surveyor,
    Approver,
    Finance,
];

/// Who watches over the reading of private values.
const WATCHING: &[Duty] = &[CountySupervisor, Auditor, Administrator];

/// Who administers accounts, and touches no claim.
const ADMINISTERING: &[Duty] = &[Administrator];

/// Who sees what banks said of payments.
const HEARING_BANKS: &[Duty] = &[Finance, Administrator, BankConnector];

/// Who reports what became of payments.
const REPORTING: &[Duty] = &[BankConnector];

/// Who looks at a bank's message that was quarantined.
const ANSWERING_BANKS: &[Duty] = &[Finance];

/// Who reads the record of what was done to accounts.
const RECORDING: &[Duty] = &[Administrator, Auditor];

/// Who sees a county's pools, and nothing of households in them.
const POOL: &[Duty] = &[
    CountyCaseworker,
    CountySupervisor,
    CountyReviewer,
    InsurerHandler,
    Approver,
    Finance,
    Auditor,
];

/// Who makes batches of payments and reads the bank's files.
const BANKING: &[Duty] = &[Finance];

/// Who sees them.
const BANK_BOOKS: &[Duty] = &[CountySupervisor, Approver, Finance, Auditor];

/// Who orders money in and out of a pool.
const ORDERING: &[Duty] = &[CountySupervisor, Finance];

/// Who confirms it: the county, so that an insurer alone moves nothing.
const CONFIRMING: &[Duty] = &[CountySupervisor];

/// Root fields besides the commands that move money.
const MONEY: &[&str] = &[
    "fundPool",
    "settlePool",
    "confirmPoolOrder",
    "instructPaymentBatch",
    "writePaymentOrder",
    "postBankLines",
];

/// Who asks the register of the living.
const CHECKING: &[Duty] = &[CountyCaseworker, InsurerHandler];
/// Who hears from the bank, or sees card and document, in whose name an account is.
const CHECKING_NAMES: &[Duty] = &[
    TownshipCaseworker,
    CountyCaseworker,
    InsurerHandler,
    Finance,
];

macro_rules! rows {
    ($($place:ident $name:literal: $who:expr, $grant:ident, $reach:ident;)+) => {
        &[$((Place::$place, $name, $who, Grant::$grant, Reach::$reach),)+]
    };
}

/// The rows that are not commands. A new root field, node type, export or page needs one here.
const ROWS: &[(Place, &str, Who, Grant, Reach)] = rows! {
    Query "__typename": Who::Anyone, Read, Nothing;
    Query "__schema": Who::SignedIn, Schema, Nothing;
    Query "__type": Who::SignedIn, Schema, Nothing;
    Query "viewer": Who::SignedIn, Read, Own;
    Query "node": Who::SignedIn, Read, OfNode;
    Query "nodes": Who::SignedIn, Read, OfNode;
    Query "claim": Who::Holders(CLAIM), Read, Claim;
    Query "claims": Who::Holders(CLAIM), Read, Claim;
    Query "claimEventCursor": Who::Holders(CLAIM), Read, Claim;
    Query "claimStatusSummary": Who::Holders(CLAIM), Read, Claim;
    Query "workQueue": Who::Holders(CLAIM), Read, Claim;
    Query "dueClaims": Who::Holders(CLAIM), Read, Claim;
    Query "household": Who::Holders(CASE), Read, Household;
    Query "households": Who::Holders(CASE), Read, Household;
    Query "referralBatch": Who::Command(CommandKind::DraftReferral), Bulk, Own;
    Query "bulkOperation": Who::Holders(CASE), Bulk, Own;
    Query "householdOf": Who::Holders(LOOKING_UP), Read, Household;
    Query "disclosures": Who::Holders(WATCHING), Read, Household;
    Query "scheme": Who::SignedIn, Read, Scheme;
    Query "schemes": Who::SignedIn, Read, Scheme;
    Query "pool": Who::Holders(POOL), Read, Pool;
    Query "poolStatement": Who::Holders(POOL), Read, Pool;
    Query "poolTransfers": Who::Holders(POOL), Read, Pool;
    Query "paymentBatch": Who::Holders(BANK_BOOKS), Read, Pool;
    Query "paymentBatches": Who::Holders(BANK_BOOKS), Read, Pool;
    Query "bankFile": Who::Holders(BANK_BOOKS), Read, Pool;
    Query "bankFiles": Who::Holders(BANK_BOOKS), Read, Pool;
    Query "previewBenefit": Who::SignedIn, Read, Scheme;
    Query "regions": Who::SignedIn, Read, Region;
    Query "sessions": Who::SignedIn, Read, Own;
    Query "apiKeys": Who::SignedIn, Read, Organisation;
    Query "substitutions": Who::SignedIn, Read, Organisation;
    Query "staff": Who::Holders(ADMINISTERING), Read, Organisation;
    Query "assignments": Who::Holders(ADMINISTERING), Read, Organisation;
    Query "webhookEndpoints": Who::Holders(ADMINISTERING), Read, Organisation;
    Query "webhookDeliveries": Who::Holders(ADMINISTERING), Read, Organisation;
    Query "bankMessages": Who::Holders(HEARING_BANKS), Read, Organisation;
    Query "identityEvents": Who::Holders(RECORDING), Read, County;
    Query "colleagues": Who::SignedIn, Read, Organisation;

    Mutation "__typename": Who::Anyone, Read, Nothing;
    Mutation "logIn": Who::Anyone, Read, Nothing;
    Mutation "confirmSecondFactor": Who::Anyone, Read, Nothing;
    Mutation "changePassword": Who::SignedIn, Read, Own;
    Mutation "enrolSecondFactor": Who::SignedIn, Read, Own;
    Mutation "confirmEnrolment": Who::SignedIn, Read, Own;
    Mutation "removeSecondFactor": Who::SignedIn, Read, Own;
    Mutation "actOnBehalf": Who::SignedIn, Read, Own;
    Mutation "workIn": Who::SignedIn, Read, Own;
    Mutation "revokeSession": Who::SignedIn, Act, Organisation;
    Mutation "createApiKey": Who::SignedIn, Act, Organisation;
    Mutation "rotateApiKey": Who::SignedIn, Act, Organisation;
    Mutation "revokeApiKey": Who::SignedIn, Act, Organisation;
    Mutation "grantSubstitution": Who::SignedIn, Act, Organisation;
    Mutation "endSubstitution": Who::SignedIn, Act, Organisation;
    Mutation "inviteAccount": Who::Holders(ADMINISTERING), Act, Organisation;
    Mutation "revokeAccount": Who::Holders(ADMINISTERING), Act, Organisation;
    Mutation "resetSecondFactor": Who::Holders(ADMINISTERING), Act, Organisation;
    Mutation "setDuties": Who::Holders(ADMINISTERING), Act, Organisation;
    Mutation "putAssignment": Who::Holders(ADMINISTERING), Act, Organisation;
    Mutation "endAssignment": Who::Holders(ADMINISTERING), Act, Organisation;
    Mutation "createWebhookEndpoint": Who::Holders(ADMINISTERING), Act, Organisation;
    Mutation "updateWebhookEndpoint": Who::Holders(ADMINISTERING), Act, Organisation;
    Mutation "rotateWebhookSecret": Who::Holders(ADMINISTERING), Act, Organisation;
    Mutation "replayWebhooks": Who::Holders(ADMINISTERING), Act, Organisation;
    Mutation "redeliverWebhook": Who::Holders(ADMINISTERING), Act, Organisation;
    Mutation "registerConnectorKey": Who::Holders(ADMINISTERING), Act, Organisation;
    Mutation "receiveBankMessage": Who::Holders(REPORTING), Act, Own;
    Mutation "closeBankMessage": Who::Holders(ANSWERING_BANKS), Act, Organisation;
    Mutation "logOut": Who::SignedIn, Read, Own;
    Mutation "registerPayee": Who::Holders(REGISTERING), Act, Household;
    Mutation "recordPayeeCheck": Who::Holders(CHECKING_NAMES), Act, Household;
    Mutation "recordPrivateDetails": Who::Holders(REGISTERING), Act, Household;
    Mutation "revealHouseholdField": Who::Holders(READING_PRIVATE), Reveal, Household;
    Mutation "recordLivenessCheck": Who::Holders(CHECKING), Act, Household;

    Mutation "fundPool": Who::Holders(ORDERING), Act, Pool;
    Mutation "settlePool": Who::Holders(ORDERING), Act, Pool;
    Mutation "confirmPoolOrder": Who::Holders(CONFIRMING), Act, Pool;
    Mutation "voidPoolOrder": Who::Holders(ORDERING), Act, Pool;

    Mutation "preparePaymentBatch": Who::Holders(BANKING), Act, Pool;
    Mutation "instructPaymentBatch": Who::Holders(BANKING), Act, Pool;
    Mutation "writePaymentOrder": Who::Holders(BANKING), Reveal, Pool;
    Mutation "readBankFile": Who::Holders(BANKING), Act, Pool;
    Mutation "postBankLines": Who::Holders(BANKING), Act, Pool;
    Mutation "closeBankLine": Who::Holders(BANKING), Act, Pool;

    Mutation "referBatch": Who::Command(CommandKind::DraftReferral), Bulk, Household;
    Mutation "startExport": Who::Holders(CASE), Bulk, Own;

    Export "CLAIMS": Who::Holders(CASE), Bulk, Claim;
    Export "EVENTS": Who::Holders(CASE), Bulk, Claim;
    Export "HOUSEHOLDS": Who::Holders(CASE), Bulk, Household;

    Subscription "__typename": Who::Anyone, Read, Nothing;
    Subscription "claimEvents": Who::Holders(CLAIM), Read, Claim;

    Node "Claim": Who::Holders(CLAIM), Read, Claim;
    Node "Household": Who::Holders(CASE), Read, Household;
    Node "Scheme": Who::SignedIn, Read, Scheme;
    Node "Member": Who::Holders(CASE), Read, Household;
    Node "Payee": Who::Holders(PAYING), Read, Household;
    Node "Colleague": Who::SignedIn, Read, Organisation;
    Node "Objection": Who::Holders(CASE), Read, Claim;
    Node "Notice": Who::Holders(CLAIM), Read, Claim;
    Node "Payout": Who::Holders(PAYING), Read, Claim;
    Node "BulkOperation": Who::Holders(CASE), Bulk, Own;
    Node "ClaimEvent": Who::Holders(CLAIM), Read, Claim;

    Field "Claim.household": Who::Holders(CASE), Read, Household;
    Field "Claim.insured": Who::Holders(CASE), Read, Household;
    Field "Claim.payee": Who::Holders(PAYING), Read, Household;
    Field "Claim.findings": Who::Holders(CASE), Read, Claim;
    Field "Claim.documents": Who::Holders(CASE), Read, Claim;
    Field "Claim.objections": Who::Holders(CASE), Read, Claim;
    Field "Claim.reasons": Who::Holders(CASE), Read, Claim;
    Field "Claim.recovery": Who::Holders(CASE), Read, Claim;
    Field "Claim.recoveryInstalments": Who::Holders(PAYING), Read, Claim;
    Field "Claim.refusal": Who::Holders(CASE), Read, Claim;
    Field "Claim.refusalLetterPreview": Who::Holders(CASE), Read, Claim;
    Field "Claim.assessment": Who::Holders(CASE), Read, Claim;
    Field "Claim.diagnosisRecorded": Who::Holders(CASE), Read, Household;
    Field "Household.phoneMasked": Who::Holders(CASE), Read, Household;
    Field "Household.headName": Who::Holders(CASE), Read, Household;
    Field "Household.members": Who::Holders(CASE), Read, Household;
    Field "Household.payees": Who::Holders(CASE), Read, Household;
    Field "Member.idNumberMasked": Who::Holders(CASE), Read, Household;
    Field "Payee.holderName": Who::Holders(PAYING), Read, Household;
    Field "Payee.accountMasked": Who::Holders(PAYING), Read, Household;

    Page "/account": Who::SignedIn, Read, Own;
    Page "/people": Who::Holders(ADMINISTERING), Act, Organisation;
    Page "/claims": Who::Holders(CASE), Read, Claim;
    Page "/claims/{number}": Who::Holders(CASE), Read, Claim;
    Page "/claims/{number}/refusal-letter": Who::Holders(CASE), Read, Claim;
    Page "/overdue": Who::Holders(CASE), Read, Claim;
    Page "/pools": Who::Holders(POOL), Read, Pool;
    Page "/payments": Who::Holders(BANK_BOOKS), Read, Pool;
    Page "/payments/files": Who::Holders(BANK_BOOKS), Read, Pool;
    Page "/webhooks": Who::Holders(ADMINISTERING), Read, Organisation;
    Page "/referrals/import": Who::Command(CommandKind::DraftReferral), Bulk, Household;
    Page "/referrals/import/returned.xlsx": Who::Command(CommandKind::DraftReferral), Bulk, Own;
};

/// The mutation of a command: its code in camel case.
fn mutation_of(command: CommandKind) -> String {
    let mut words = command.code().split('_').map(str::to_ascii_lowercase);
    let first = words.next().unwrap_or_default();
    words.fold(first, |mut name, word| {
        let mut letters = word.chars();
        name.extend(letters.next().map(|first| first.to_ascii_uppercase()));
        name.push_str(letters.as_str());
        name
    })
}

/// The table.
pub static TABLE: LazyLock<Vec<Authority>> = LazyLock::new(|| {
    let fixed = ROWS
        .iter()
        .map(|(place, name, who, grant, reach)| Authority {
            place: *place,
            name: Cow::Borrowed(name),
            who: *who,
            grant: *grant,
            reach: *reach,
            money: *place == Place::Mutation && MONEY.contains(name),
        });
    let commands = CommandKind::ALL.iter().map(|command| Authority {
        place: Place::Mutation,
        name: Cow::Owned(mutation_of(*command)),
        who: Who::Command(*command),
        grant: Grant::Act,
        reach: if *command == CommandKind::DraftReferral {
            Reach::Household
        } else {
            Reach::Claim
        },
        money: duty::moves_towards_payment(*command),
    });
    fixed.chain(commands).collect()
});

static INDEX: LazyLock<HashMap<(Place, &'static str), &'static Authority>> = LazyLock::new(|| {
    TABLE
        .iter()
        .map(|row| ((row.place, &*row.name), row))
        .collect()
});

/// The row of an operation.
pub fn row(place: Place, name: &str) -> Option<&'static Authority> {
    INDEX.get(&(place, name)).copied()
}

/// What the door says to a caller who would have a command done.
pub fn permit_command(caller: &Caller, command: CommandKind) -> Result<(), Denied> {
    permit(Some(caller), row(Place::Mutation, &mutation_of(command)))
}

/// Whether a caller may do what a row describes, wherever it reaches.
pub fn permit(caller: Option<&Caller>, row: Option<&Authority>) -> Result<(), Denied> {
    let row = row.ok_or(Denied::Unlisted)?;
    if row.who == Who::Anyone {
        return Ok(());
    }
    let caller = caller.ok_or(Denied::Anonymous)?;
    // Where a second factor is asked for everything, nothing but the own account is left without it.
    let waits = caller.duties.is_empty() && caller.lacks_second_factor();
    let admitted =
        row.who == Who::SignedIn || caller.duties.iter().any(|held| row.who.admits(*held));
    match (caller.may(row.grant), admitted) {
        (true, true) if row.money && caller.lacks_second_factor() => Err(Denied::SecondFactor),
        (true, true) => Ok(()),
        _ if waits => Err(Denied::SecondFactor),
        (false, _) => Err(Denied::Grant(row.grant)),
        (true, false) => Err(Denied::Duty),
    }
}
