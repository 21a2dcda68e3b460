// What changes between releases of the contract: node breaking.cjs OLDEST .. NEWEST prints, as JSON, what breaks a
// client and what may surprise one. A deprecated element whose announced day has come may go.

const { readFileSync } = require("node:fs");
const { buildSchema, findBreakingChanges, findDangerousChanges } = require("graphql");

const today = process.env.FANGPIN_TEST_TODAY ?? new Date().toISOString().slice(0, 10);

/** What a change is about: `Type.field`, `Type.field(argument)`, `VALUE`. */
function subject(change) {
  const text = change.description;
  const found =
    text.match(/^(\S+) was (?:removed from|added to) (?:enum|union) type/) ??
    text.match(/field (\S+) on input type/) ??
    text.match(/arg (\S+) on/) ??
    text.match(/^(\S+)/);
  return found[1];
}

/** Whether the older schema announced a day for it that has come. */
function isDue(schema, change) {
  const text = change.description;
  let reason;
  let found;
  if ((found = text.match(/^(\w+)\.(\w+) was removed\.$/))) {
    reason = schema.getType(found[1])?.getFields()[found[2]]?.deprecationReason;
  } else if ((found = text.match(/^(\w+) was removed from enum type (\w+)\.$/))) {
    reason = schema.getType(found[2])?.getValue(found[1])?.deprecationReason;
  } else if ((found = text.match(/^(\w+)\.(\w+) arg (\w+) was removed\.$/))) {
    const field = schema.getType(found[1])?.getFields()[found[2]];
    reason = field?.args.find((it) => it.name === found[3])?.deprecationReason;
  }
  const day = reason?.match(/removed on or after (\d{4}-\d{2}-\d{2})/)?.[1];
  return day !== undefined && day <= today;
}

const schemas = process.argv.slice(2).map((file) => buildSchema(readFileSync(file, "utf8")));
const breaking = [];
let dangerous = [];
for (let next = 1; next < schemas.length; next += 1) {
  const [older, newer] = [schemas[next - 1], schemas[next]];
  for (const change of findBreakingChanges(older, newer)) {
    if (!isDue(older, change)) breaking.push(`${change.type} ${change.description}`);
  }
  // Only the last step is announced under "Unreleased".
  dangerous = findDangerousChanges(older, newer).map((change) => ({
    subject: subject(change),
    what: `${change.type} ${change.description}`,
  }));
}
console.log(JSON.stringify({ breaking, dangerous }));
