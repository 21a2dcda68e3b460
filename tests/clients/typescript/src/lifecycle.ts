// One claim from draft to paid, by six accounts of the demo, each with the documents of its role.
//
//   node dist/lifecycle.js URL first-day               draft .. notice posted; prints the claim's id
//   node dist/lifecycle.js URL after-notice CLAIM      approval .. paid, once the notice has run its term

import { ApiError, Case, Client, Refused, done, type Settings } from "./client.js";
import * as insurer from "./generated/insurer.js";
import * as office from "./generated/office.js";
import * as reports from "./generated/reports.js";

const [url, stage, claimId] = process.argv.slice(2);
if (url === undefined || stage === undefined) throw new Error("usage: lifecycle.js URL first-day|after-notice [CLAIM]");
const PASSWORD = process.env["FANGPIN_PASSWORD"] ?? "fangpin-demo-2020";

function must<T>(value: T | null | undefined, what: string): T {
  if (value == null) throw new Error(`${what} is missing in the answer`);
  return value;
}

function say(step: string, found: { readonly status: string; readonly version: number }): void {
  console.log(`typescript: ${step}: ${found.status} version ${found.version}`);
}

async function signIn(login: string, settings: Settings = {}): Promise<Client> {
  const client = new Client(must(url, "URL"), settings);
  // Each role has the same document; a client takes the one of its own.
  const document = login.startsWith("ins.") ? insurer.LogInDocument : office.LogInDocument;
  const input = { login, password: PASSWORD };
  client.use(must(done((await client.ask(document, { input })).logIn).token, "token"));
  return client;
}

/** A network that loses the next answer when told to: the server has acted, the client does not know. */
const network = {
  losesNext: false,
  async fetch(...request: Parameters<typeof fetch>): Promise<Response> {
    const response = await fetch(...request);
    if (!network.losesNext) return response;
    network.losesNext = false;
    await response.text();
    throw new TypeError("the connection was lost");
  },
};

const paper = (kind: string) => ({ kind, sha256: "a".repeat(64) });

async function firstDay(): Promise<void> {
  const township = await signIn("smz.wang", { fetch: network.fetch });
  const county = await signIn("office.zhao");
  const handler = await signIn("ins.chu");
  const surveyor = await signIn("ins.zhou");

  // A household of the list with its members and accounts, and who may be sent.
  const some = await township.ask(office.ClaimsDocument, { first: 1 });
  const seen = must(some.claims?.edges[0]?.node, "a claim");
  const earlier = must((await township.ask(office.ClaimDocument, { id: seen.id })).claim, "the claim");
  const householdId = must(earlier.household, "its household").id;
  const household = must((await township.ask(office.HouseholdDocument, { id: householdId })).household, "the household");
  const sent = must((await handler.ask(insurer.SurveyorsDocument, {})).colleagues?.nodes[0], "a surveyor");

  // The draft's answer is lost on the way; the client asks again with the same key and is told what was done.
  const draft = {
    idempotencyKey: crypto.randomUUID(),
    schemeId: must(earlier.scheme, "its scheme").id,
    householdId,
    insuredMemberId: must(household.members?.[0], "a member").id,
    peril: "ILLNESS" as const,
    eventOn: "2020-06-20",
    submittedFen: "4120000",
    payeeId: must(household.payees?.nodes[0], "a payee").id,
    basis: { decidedOn: "2020-06-21", document: "村评〔2020〕101号" },
  };
  network.losesNext = true;
  const first = done((await township.ask(office.DraftReferralDocument, { input: draft })).draftReferral);
  if (!township.replayed) throw new Error("the lost answer was not replayed");
  const claim = must(first.claim, "the drafted claim");
  const it = new Case(claim.id, claim.version, claim.status);
  say("draftReferral, its answer lost and asked for again", it);

  await it.give(township, office.ReferCaseDocument, {});
  say("referCase", it);

  // A refusal is an answer: a code for the program, a sentence for the person, in the language asked for.
  const english = await signIn("ins.zhou", { language: "en" });
  await it.give(english, insurer.AcceptReferralDocument, {}).then(
    () => Promise.reject(new Error("a surveyor accepted a referral")),
    (wrong: unknown) => {
      if (!(wrong instanceof Refused) || wrong.userErrors[0]?.code !== "DUTY_MISSING") throw wrong;
      console.log(`typescript: acceptReferral by the surveyor is refused: ${wrong.message}`);
    },
  );
  // Another township does not even learn that the claim exists.
  const elsewhere = await signIn("zcy.li");
  await new Case(it.id, it.version, it.status).give(elsewhere, office.WithdrawClaimDocument, { reason: "不是我的" }).then(
    () => Promise.reject(new Error("another township withdrew the claim")),
    (wrong: unknown) => {
      if (!(wrong instanceof ApiError) || wrong.code !== "NOT_FOUND") throw wrong;
      console.log("typescript: withdrawClaim by another township: NOT_FOUND");
    },
  );

  await it.give(handler, insurer.AcceptReferralDocument, {});
  say("acceptReferral", it);
  await it.give(handler, insurer.AssignSurveyDocument, { surveyorId: sent.id });
  say("assignSurvey", it);
  await it.give(surveyor, insurer.RecordFindingDocument, {
    check: "FIELD_VISIT",
    on: "2020-06-24",
    passed: true,
    evidence: [paper("入户照片")],
  });
  say("recordFinding, the visit", it);
  await it.give(township, office.RecordFindingDocument, {
    check: "VILLAGE_EVALUATION",
    on: "2020-06-24",
    passed: true,
    evidence: [],
    votes: { present: 15, agree: 14, against: 1 },
  });
  say("recordFinding, the village's evaluation", it);
  await it.give(surveyor, insurer.RecordVerificationDocument, {
    bills: [{ issuer: "示例医院", number: "TS-1", amountFen: "9120000" }],
    layers: [{ name: "基本医保", paidFen: "5000000" }],
    otherCompensationFen: "0",
    evidence: [paper("医疗费用结算单"), paper("诊断证明")],
  });
  say("recordVerification", it);

  const verified = must((await township.ask(office.ClaimDocument, { id: it.id })).claim, "the claim");
  console.log(`typescript: assessed ${must(verified.assessment, "the assessment").benefitFen} fen`);
  const contentHash = must(verified.noticePreview, "the preview").contentHash;
  await it.give(township, office.PreviewNoticeDocument, { contentHash });
  say("previewNotice", it);
  await it.give(county, office.OpenPublicNoticeDocument, {});
  say("openPublicNotice", it);
  await it.give(township, office.RecordPublicationProofDocument, { contentHash, evidence: paper("公示照片") });
  say("recordPublicationProof", it);
  console.log(`claim ${it.id}`);
}

async function afterNotice(id: string): Promise<void> {
  const supervisor = await signIn("office.qian");
  const decider = await signIn("ins.wu");
  const handler = await signIn("ins.chu");
  const cashier = await signIn("ins.chen");

  const read = async (who: Client) => must((await who.ask(insurer.ClaimDocument, { id })).claim, "the claim");
  let now = await read(supervisor);
  if (now.status === "NOTICE_OPEN") {
    // The server's timer closes it too; whoever is second is told so, which is no failure.
    await new Case(id, now.version, now.status).give(supervisor, office.CloseNoticeDocument, {}).catch((wrong: unknown) => {
      if (!(wrong instanceof Refused)) throw wrong;
      console.log(`typescript: closeNotice: ${wrong.message}`);
    });
    now = await read(supervisor);
  }
  const it = new Case(id, now.version, now.status);
  say("closeNotice", it);

  // What is approved and paid is echoed on purpose: it is what was seen, not what the server may correct.
  await it.give(decider, insurer.ApproveClaimDocument, {
    benefitFen: must(now.assessment, "the assessment").benefitFen,
    payeeId: must(now.payee, "the payee").id,
    dossierHash: must(now.dossierHash, "the dossier"),
  });
  say("approveClaim", it);
  const approved = await read(handler);
  const payee = must(approved.payee, "the payee");
  const check = {
    idempotencyKey: crypto.randomUUID(),
    householdId: must(approved.household, "the household").id,
    memberId: must(payee.memberId, "the payee's member"),
    checkedOn: "2020-06-30",
  };
  done((await handler.ask(insurer.RecordLivenessCheckDocument, { input: check })).recordLivenessCheck);
  await it.give(handler, insurer.InstructPayoutDocument, {
    approvedAmountFen: must(approved.approvedFen, "the approved amount"),
    payeeId: payee.id,
  });
  say("instructPayout", it);

  const payout = must((await read(cashier)).payout, "the payout");
  const line = { instructionNo: payout.instructionNo, amountFen: payout.amountFen, bankRef: "STMT-TS-1" };
  // Somebody who read the claim before it moved on is told so, and reads again.
  const stale = new Case(id, it.version - 1, it.status);
  await stale.give(cashier, insurer.ConfirmPayoutDocument, line).then(
    () => Promise.reject(new Error("a stale version was taken")),
    (wrong: unknown) => {
      const code = wrong instanceof Refused ? wrong.userErrors[0]?.code : wrong instanceof ApiError ? wrong.code : undefined;
      if (code !== "STALE_VERSION") throw wrong;
      console.log("typescript: confirmPayout on an old version: STALE_VERSION");
    },
  );
  await it.give(cashier, insurer.ConfirmPayoutDocument, line);
  say("confirmPayout", it);

  const paid = await read(cashier);
  if (paid.status !== "PAID") throw new Error(`the claim is ${paid.status}`);
  const summary = must((await supervisor.ask(reports.ClaimStatusSummaryDocument, {})).claimStatusSummary, "the summary");
  console.log(`typescript: ${paid.number} is ${paid.status}, ${paid.amountFen} fen; ${summary.length} statuses in the county`);
}

if (stage === "first-day") await firstDay();
else await afterNotice(must(claimId, "CLAIM"));
