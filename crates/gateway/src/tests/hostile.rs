//! Families of hostile requests: each with the answer it must get. Plain text only, so that the same
//! corpus is sent over real HTTP (`tests/protocol`).

use serde_json::{Value, json};
use std::fmt::Write;

/// One family.
pub struct Family {
    pub name: &'static str,
    /// The whole body.
    pub body: Vec<u8>,
    /// The limit that refuses it, or the code where it is none of the limits.
    pub refused_by: &'static str,
}

fn family(name: &'static str, query: &str, refused_by: &'static str) -> Family {
    with_variables(name, query, &json!({}), refused_by)
}

fn with_variables(
    name: &'static str,
    query: &str,
    variables: &Value,
    refused_by: &'static str,
) -> Family {
    let body = json!({ "query": query, "variables": variables });
    raw(name, body.to_string().into_bytes(), refused_by)
}

const fn raw(name: &'static str, body: Vec<u8>, refused_by: &'static str) -> Family {
    Family {
        name,
        body,
        refused_by,
    }
}

fn times(count: usize, piece: impl Fn(usize) -> String) -> String {
    (0..count).map(piece).collect()
}

/// Fragments that spread the next one `wide` times, `levels` deep.
fn spreads(levels: usize, wide: usize) -> String {
    let mut query = String::from("{ ...f0 }");
    for level in 0..levels {
        let next = format!("...f{} ", level + 1).repeat(wide);
        let _ = write!(query, " fragment f{level} on Query {{ {next} }}");
    }
    let _ = write!(query, " fragment f{levels} on Query {{ __typename }}");
    query
}

fn nested(open: &str, levels: usize, inner: &str, close: &str) -> String {
    format!("{}{inner}{}", open.repeat(levels), close.repeat(levels))
}

const INVALID: &str = "GRAPHQL_VALIDATION_FAILED";
const BAD: &str = "BAD_REQUEST";

/// All of them.
pub fn families() -> Vec<Family> {
    let claims = "claims(first: 100) { nodes { ";
    let log_in = "mutation($i: LogInInput!) { logIn(input: $i) { token } }";
    let mut families = vec![
        family(
            "nested spreads 40^20",
            &spreads(20, 40),
            "expandedSelections",
        ),
        family("nested spreads 8^40", &spreads(40, 8), "expandedSelections"),
        family("nested spreads 2^49", &spreads(49, 2), "expandedSelections"),
        family("nested spreads 40^60", &spreads(60, 40), "documentBytes"),
        family("nested spreads 15^55", &spreads(55, 15), "fragments"),
        family(
            "nested spreads under aliases",
            &format!(
                "{{ {} }} {}",
                times(9, |n| format!("a{n}: node(id: \"x\") {{ ...f0 }} ")),
                &spreads(12, 12)[9..].replace("on Query", "on Claim")
            ),
            "expandedSelections",
        ),
        family(
            "fragment that contains itself",
            "{ ...a } fragment a on Query { ...a }",
            INVALID,
        ),
        family(
            "ring of fragments",
            &format!(
                "{{ ...f0 }} {}",
                times(50, |n| format!(
                    "fragment f{n} on Query {{ ...f{} }} ",
                    (n + 1) % 50
                ))
            ),
            INVALID,
        ),
        family(
            "ring nobody spreads",
            &format!(
                "{{ __typename }} {}",
                times(50, |n| format!(
                    "fragment f{n} on Query {{ ...f{} ...f{} }} ",
                    (n + 1) % 50,
                    (n + 7) % 50
                ))
            ),
            INVALID,
        ),
        family(
            "spread of what is not there",
            &format!("{{ {} }}", "...x ".repeat(500)),
            INVALID,
        ),
        family(
            "unused fragments, each large",
            &format!(
                "{{ __typename }} {}",
                times(50, |n| format!(
                    "fragment f{n} on Query {{ {} }} ",
                    "...b ".repeat(5)
                ))
                .replacen(
                    "fragment f0 on Query { ...b ...b ...b ...b ...b  }",
                    &format!("fragment b on Query {{ {} }}", "__typename ".repeat(190)),
                    1
                )
            ),
            "documentSelections",
        ),
        family(
            "fragments by the hundred",
            &format!(
                "{{ __typename }} {}",
                times(200, |n| format!("fragment f{n} on Query{{a}} "))
            ),
            "fragments",
        ),
        family(
            "inline fragments within one another",
            &nested("{...on Query", 35, "{__typename}", "}"),
            "selectionSets",
        ),
        family(
            "depth of fields",
            &nested("{ claim ", 20, "{ id }", "}"),
            "depth",
        ),
        family(
            "depth without end",
            &nested("{a", 5_000, "", "}"),
            "nesting",
        ),
        family("depth never closed", &"{a".repeat(8_000), "nesting"),
        family("closed and never opened", &"}".repeat(1_900), INVALID),
        family(
            "aliases",
            &format!("{{ {} }}", times(1_000, |n| format!("a{n}:__typename "))),
            "tokens",
        ),
        family(
            "aliases of one field",
            &format!("{{ viewer {{ {} }} }}", times(400, |n| format!("a{n}:id "))),
            "aliases",
        ),
        family(
            "mutations under aliases",
            &format!(
                "mutation {{ {} }}",
                times(300, |n| format!("a{n}:logOut{{loggedOut}} "))
            ),
            "aliases",
        ),
        family(
            "mutations side by side",
            "mutation { logOut { loggedOut } logOut { loggedOut } }",
            "rootFields",
        ),
        family(
            "root fields",
            &format!("{{ {} }}", "viewer { id } ".repeat(11)),
            "rootFields",
        ),
        family(
            "root fields of a subscription",
            "subscription { a: claimEvents { seq } b: claimEvents { seq } }",
            "rootFields",
        ),
        family(
            "fields repeated",
            &format!("{{ viewer {{ {} }} }}", "id ".repeat(1_900)),
            "expandedSelections",
        ),
        family(
            "__typename repeated",
            &format!("{{ {} }}", "__typename ".repeat(1_300)),
            "expandedSelections",
        ),
        family("tokens", &format!("{{ {} }}", "a ".repeat(8_000)), "tokens"),
        family(
            "20,000 fields that are not there",
            &format!("{{ {} }}", "x ".repeat(20_000)),
            "documentBytes",
        ),
        family(
            "900 fields that are not there",
            &format!("{{ {} }}", times(900, |n| format!("x{n} "))),
            "rootFields",
        ),
        family(
            "900 errors below a field",
            &format!("{{ viewer {{ {} }} }}", times(900, |n| format!("x{n} "))),
            INVALID,
        ),
        family(
            "20,000 directives that are not there",
            &format!("{{ __typename {} }}", "@x".repeat(20_000)),
            "documentBytes",
        ),
        family(
            "900 directives that are not there",
            &format!("{{ __typename {} }}", "@x".repeat(900)),
            "directives",
        ),
        family(
            "directives on many fields",
            &format!("{{ viewer {{ {} }} }}", "id @skip(if: true) ".repeat(200)),
            "directives",
        ),
        family(
            "directives of variables",
            &format!(
                "query({}) {{ __typename }}",
                times(40, |n| format!("$v{n}: Int @a "))
            ),
            "directives",
        ),
        family(
            "operations",
            &times(400, |n| format!("query q{n}{{__typename}} ")),
            INVALID,
        ),
        family(
            "operations beside the one meant",
            &format!(
                "{{__typename}} {}",
                times(40, |n| format!("query q{n}{{__typename}} "))
            ),
            INVALID,
        ),
        family(
            "a literal within literals",
            &format!(
                "{{ claims(first: {}) {{ nodes {{ id }} }} }}",
                nested("[", 2_000, "1", "]")
            ),
            "literalNesting",
        ),
        family(
            "objects within objects",
            &format!(
                "{{ claims(filter: {}) {{ nodes {{ id }} }} }}",
                nested("{a:", 30, "1", "}")
            ),
            "literalNesting",
        ),
        family(
            "a long list",
            &format!("{{ nodes(ids: [{}]) {{ id }} }}", "\"x\" ".repeat(1_500)),
            "listLength",
        ),
        family(
            "lists that cost",
            &format!(
                "{{ {} }}",
                times(10, |n| format!(
                    "a{n}: claims(first: 100) {{ nodes {{ household {{ members {{ id }} }} }} }} "
                ))
            ),
            "cost",
        ),
        family(
            "arguments by the hundred",
            &format!(
                "{{ claims({}) {{ nodes {{ id }} }} }}",
                times(400, |n| format!("a{n}: 1 "))
            ),
            "arguments",
        ),
        family(
            "one argument by the hundred",
            &format!(
                "{{ claims({}) {{ nodes {{ id }} }} }}",
                "first: 1 ".repeat(400)
            ),
            "arguments",
        ),
        family(
            "a number of 10,000 digits",
            &format!(
                "{{ claims(first: {}) {{ nodes {{ id }} }} }}",
                "9".repeat(10_000)
            ),
            INVALID,
        ),
        family(
            "a number beyond counting",
            "{ claims(first: 18446744073709551615) { nodes { id } } }",
            "listNodes",
        ),
        family(
            "pages within pages",
            &format!(
                "{{ {claims} timeline(first: 20) {{ nodes {{ seq }} }} }} }} b: {claims} timeline(first: 20) {{ nodes {{ seq }} }} }} }} c: {claims} timeline(first: 20) {{ nodes {{ seq }} }} }} }} }}"
            ),
            "cost",
        ),
        family(
            "a block string",
            &format!(
                "{{ claim(number: \"\"\"{}\"\"\") {{ id }} }}",
                "\\\"\"\" ".repeat(4_000)
            ),
            "documentBytes",
        ),
        family(
            "a string never closed",
            &format!("{{ claim(number: \"{}", "x".repeat(10_000)),
            INVALID,
        ),
        family(
            "escapes",
            &format!("{{ claim(number: \"{}", "\\u".repeat(5_000)),
            INVALID,
        ),
        family(
            "comments",
            &format!("{}{{", "#{{{{\n".repeat(2_000)),
            INVALID,
        ),
        family(
            "comments without end",
            &"#".repeat(200_000),
            "documentBytes",
        ),
        family(
            "commas",
            &format!("{{ {} }}", ",".repeat(200_000)),
            "documentBytes",
        ),
        family("byte order marks", &"\u{feff}".repeat(4_000), INVALID),
        family(
            "unicode",
            &format!("{{ {} }}", "é ".repeat(3_000)),
            "tokens",
        ),
        family(
            "right to left",
            &format!("{{ \u{202e}{} }}", "x\u{0}".repeat(900)),
            INVALID,
        ),
        family("punctuation", &"!$&...:=@[]{|}".repeat(900), "tokens"),
        family("dots", &format!("{{ {} }}", "... ".repeat(1_900)), INVALID),
        family(
            "introspection in a ring",
            &format!(
                "{{ __schema {{ types {}{} }} }}",
                "{ ofType ".repeat(18),
                "{ name }".to_owned() + &"}".repeat(18)
            ),
            "depth",
        ),
        family(
            "introspection of lists in lists",
            "{ __schema { types { fields { args { type { fields { args { name } } } } } } } }",
            "introspectionLists",
        ),
        family(
            "introspection under aliases",
            &format!(
                "{{ {} }}",
                times(10, |n| format!(
                    "a{n}: __schema {{ types {{ name fields {{ name args {{ name }} }} }} }} "
                ))
            ),
            "cost",
        ),
        family(
            "introspection by type",
            &format!(
                "{{ {} }}",
                times(11, |n| format!("a{n}: __type(name: \"Claim\") {{ name }} "))
            ),
            "rootFields",
        ),
        family(
            "variables by the hundred",
            &format!(
                "query({}) {{ __typename }}",
                times(300, |n| format!("$v{n}: Int "))
            ),
            "variables",
        ),
        family(
            "types of variables",
            &format!(
                "query($v: {}) {{ __typename }}",
                nested("[", 38, "Int", "]")
            ),
            "literalNesting",
        ),
        family(
            "defaults of variables",
            &format!(
                "query($v: [Int] = [{}]) {{ __typename }}",
                "1 ".repeat(1_200)
            ),
            "variablesList",
        ),
        family(
            "one variable used and used",
            &format!(
                "query($v: Nothing) {{ viewer {{ {} }} }}",
                "id(x: $v) ".repeat(240)
            ),
            INVALID,
        ),
        with_variables("a deep variable", log_in, &deep(60), "variablesDepth"),
        raw(
            "a variable deeper than any",
            format!(
                "{{\"query\":\"{{__typename}}\",\"variables\":{{\"i\":{}",
                "[".repeat(200_000)
            )
            .into_bytes(),
            "variablesDepth",
        ),
        with_variables(
            "a long list in a variable",
            log_in,
            &json!({ "i": { "login": vec![1; 5_000] } }),
            "variablesList",
        ),
        with_variables(
            "lists of lists in a variable",
            log_in,
            &json!({ "i": vec![vec![0; 900]; 23] }),
            "bodyValues",
        ),
        raw(
            "values by the ten thousand",
            format!(
                "{{\"query\":\"{{__typename}}\",\"variables\":{{\"i\":[{}0]}}}}",
                "0,".repeat(100_000)
            )
            .into_bytes(),
            "bodyValues",
        ),
        raw(
            "keys by the ten thousand",
            format!(
                "{{\"query\":\"{{__typename}}\",\"extensions\":{{{}\"z\":0}}}}",
                times(21_000, |n| format!("\"k{n}\":0,"))
            )
            .into_bytes(),
            "bodyValues",
        ),
        with_variables(
            "a list to be priced",
            "query($i: [ID!]!) { nodes(ids: $i) { id } a: nodes(ids: $i) { id } b: nodes(ids: $i) { id } }",
            &json!({ "i": vec!["x"; 999] }),
            "cost",
        ),
        raw(
            "a batch",
            format!(
                "[{}]",
                vec!["{\"query\":\"{__typename}\"}"; 5_000].join(",")
            )
            .into_bytes(),
            BAD,
        ),
        raw("not JSON", vec![b'{'; 200_000], "variablesDepth"),
        raw("not UTF-8", b"{\"query\":\"{ \xff\xfe }\"}".to_vec(), BAD),
        raw(
            "half a surrogate",
            br#"{"query":"{ \ud800 }"}"#.to_vec(),
            BAD,
        ),
        raw(
            "a key twice",
            br#"{"query":"{__typename}","query":"{__typename}"}"#.to_vec(),
            BAD,
        ),
        raw("too large", vec![b' '; 300_000], "PAYLOAD_TOO_LARGE"),
    ];
    // The same field under conflicting arguments: what makes merging quadratic elsewhere.
    let conflicts = format!(
        "{{ viewer {{ id }} {} }}",
        times(1, |_| nested(
            "... on Query {",
            20,
            &times(40, |n| format!("viewer {{ id(a: {n}) }} ")),
            "}"
        ))
    );
    families.push(family("conflicting fields", &conflicts, "rootFields"));
    let conflicts = format!(
        "{{ viewer {{ {} }} }}",
        times(300, |n| format!("id(a: {n}) "))
    );
    families.push(family("conflicting fields of a leaf", &conflicts, INVALID));
    families
}

fn deep(levels: usize) -> Value {
    (0..levels).fold(json!(1), |inner, _| json!({ "i": inner }))
}
