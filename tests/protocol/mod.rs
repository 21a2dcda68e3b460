//! The protocol as others see it: the audits of `graphql-http`, over real HTTP.

use crate::support::{Place, Server, both, node};

/// Every audit of the npm package `graphql-http`, warnings (SHOULD, MAY) included.
#[test]
fn every_audit_of_graphql_over_http_passes() {
    let place = Place::sqlite();
    let server = Server::start(&place, &["serve"]);
    let output = node("protocol", "audit.js")
        .arg(server.url("/graphql"))
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", both(&output));
    let report = String::from_utf8(output.stdout).unwrap();
    assert!(report.ends_with("\n61 of 61\n"), "{report}");
    println!("graphql-http {report}");
}
