//! What an operator does at the machine: configuration, passwords, the pool.

use crate::support::{Place, Server, both, fangpin, run};
use std::io::Write;
use std::process::Stdio;

/// Every problem at once, each with where it came from and without a secret.
#[test]
fn configuration_tells_all_problems_and_their_source() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("fangpin.toml");
    std::fs::write(&file, "timer_seconds = 0\nlisten_on = \"x\"\n").unwrap();
    let output = fangpin()
        .args(["serve", "--listen", "here", "--config"])
        .arg(&file)
        .env("FANGPIN_LOG_FORMAT", "xml")
        .env("DATABASE_URL", "mysql://someone:secret@somewhere/")
        .output()
        .unwrap();
    let told = both(&output);
    assert!(!output.status.success());
    for problem in [
        "--listen: \"here\" is not an address and port",
        "fangpin.toml): \"0\" is not a number from 1 to 3600",
        "listen_on",
        "FANGPIN_LOG_FORMAT: \"xml\"",
        "DATABASE_URL: must begin with postgres://",
    ] {
        assert!(told.contains(problem), "{problem} in:\n{told}");
    }
    assert!(!told.contains(":secret@"), "{told}");
}

/// After an orderly stop the database is one file: a copy of it and of the keys lacks nothing.
#[test]
fn an_orderly_stop_leaves_one_file() {
    let place = Place::sqlite();
    let server = Server::start(&place, &["demo", "--now", "2020-06-24T09:00:00+08:00"]);
    let (status, _) = server.terminate();
    assert!(status.success(), "{status}");
    let verify = |folder: &std::path::Path| {
        let mut command = fangpin();
        command
            .args(["audit", "verify", "--json", "--data"])
            .arg(folder);
        run(&mut command)
    };
    let copy = tempfile::tempdir().unwrap();
    for file in ["fangpin.sqlite", "keys.toml"] {
        std::fs::copy(place.folder.path().join(file), copy.path().join(file)).unwrap();
    }
    let (copied, own) = (verify(copy.path()), verify(place.folder.path()));
    assert_eq!(copied, own);
    assert!(!own.contains("\"payments\":0"), "{own}");
}

/// A repeated funding order moves money once; another reference is another order.
#[test]
fn a_pool_is_funded_once_per_reference() {
    let sample = |name: &str| {
        format!(
            "{}/../crates/server/sample/{name}",
            env!("CARGO_MANIFEST_DIR")
        )
    };
    for place in Place::both() {
        run(&mut place.fangpin(&["county", "load", &sample("county.toml")]));
        let fund = |reference: &str| {
            let scheme = sample("scheme.toml");
            let order = ["scheme", "publish", &scheme, "--fund-fen", "100"];
            run(place.fangpin(&order).args(["--fund-reference", reference]))
        };
        let told = [fund("2020-001"), fund("2020-001"), fund("2020-002")];
        for (told, pool) in told.iter().zip(["1.00", "1.00", "2.00"]) {
            assert!(told.contains(pool), "{told}");
        }
        assert!(run(&mut place.fangpin(&["audit", "verify"])).contains("sound"));
        // Headcount times premium is due; what the operator entered is said to be that, and stands below.
        let statement = [
            "pool",
            "statement",
            "--scheme",
            "haigang-2020",
            "--year",
            "2020",
        ];
        let told = run(&mut place.fangpin(&statement));
        assert!(told.contains("40000 × 50.00 = 2,000,000.00"), "{told}");
        let told = run(place.fangpin(&statement).arg("--json"));
        let told: serde_json::Value = serde_json::from_str(&told).unwrap();
        assert_eq!(told[0]["movedFen"]["FUNDED"], 200);
        assert_eq!(told[0]["balancesFen"]["COUNTY_FUND"], -200);
        assert_eq!(told[0]["surplusFen"], 200);
        assert_eq!(told[0]["settled"], false);
        let other = [
            "pool",
            "statement",
            "--scheme",
            "haigang-2020",
            "--year",
            "2021",
        ];
        assert!(!place.fangpin(&other).output().unwrap().status.success());
        let half = place
            .fangpin(&["scheme", "publish", "x.toml", "--fund-fen", "1"])
            .output();
        assert!(
            !half.unwrap().status.success(),
            "no funding without a reference"
        );
    }
}

/// A new password ends what was opened with the old one; `user revoke` ends the rest.
#[test]
fn passwords_and_keys_are_ended() {
    let place = Place::sqlite();
    run(&mut place.fangpin(&["demo", "--no-serve", "--json"]));
    let key = || {
        let order = ["user", "key", "smz.wang", "--label", "test"];
        run(&mut place.fangpin(&order)).trim().to_owned()
    };
    let (first, second) = (key(), key());
    assert!(first.starts_with("fpk_") && first != second);
    let mut child = place
        .fangpin(&["user", "password", "smz.wang"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    writeln!(child.stdin.take().unwrap(), "a password of many characters").unwrap();
    let told = String::from_utf8(child.wait_with_output().unwrap().stdout).unwrap();
    assert!(
        !told.contains("many characters") && told.contains("ended"),
        "{told}"
    );
    let ended: u32 = told
        .split("; ")
        .nth(1)
        .unwrap()
        .split(' ')
        .next()
        .unwrap()
        .parse()
        .unwrap();
    assert!(ended >= 2, "{told}");
    let _ = key();
    let told = run(&mut place.fangpin(&["user", "revoke", "smz.wang"]));
    assert!(told.contains("1 sessions and API keys ended"), "{told}");
}

/// A flag overrides the same key of file and environment, which stays a known key.
#[test]
fn a_flag_overrides_file_and_environment() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("fangpin.toml");
    std::fs::write(&file, "data = \"/nowhere\"\nlisten = \"127.0.0.1:1\"\n").unwrap();
    let data = folder.path().join("data");
    let told = run(fangpin()
        .args([
            "demo",
            "--no-serve",
            "--json",
            "--listen",
            "127.0.0.1:0",
            "--config",
        ])
        .arg(&file)
        .arg("--data")
        .arg(&data)
        .env("FANGPIN_LISTEN", "127.0.0.1:2")
        .env("FANGPIN_DATA", "/nowhere/else"));
    assert!(told.contains("claims") && data.exists(), "{told}");
}

/// A check writes nothing; a returned sheet is a new file, readable by its owner alone, and never
/// takes the place of somebody's corrections.
#[test]
fn a_returned_sheet_never_overwrites() {
    let place = Place::sqlite();
    run(&mut place.fangpin(&["demo", "--no-serve", "--json"]));
    let lists = tempfile::tempdir().unwrap();
    let list = lists.path().join("名单.xlsx");
    std::fs::copy(place.folder.path().join("demo/推送名单.xlsx"), &list).unwrap();
    let read = |more: &[&str]| {
        let order = ["import", "referrals", list.to_str().unwrap()];
        let who = ["--login", "office.zhao", "--scheme", "haigang-2020"];
        let output = place.fangpin(&order).args(who).args(more).output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{}", both(&output));
        let names = std::fs::read_dir(lists.path()).unwrap();
        names.count()
    };
    assert_eq!(read(&["--dry-run"]), 1, "only the list itself");
    assert_eq!(read(&[]), 2);
    assert_eq!(read(&[]), 3, "under a name of its own");
    let list_itself = list.to_str().unwrap();
    let refused = place
        .fangpin(&["import", "referrals", list_itself, "--errors", list_itself])
        .args(["--login", "office.zhao", "--scheme", "haigang-2020"])
        .output()
        .unwrap();
    assert_eq!(refused.status.code(), Some(1), "{}", both(&refused));
    assert_eq!(
        std::fs::read(&list).unwrap(),
        std::fs::read(place.folder.path().join("demo/推送名单.xlsx")).unwrap()
    );
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let sheet = lists.path().join("名单-待更正.xlsx");
        let mode = std::fs::metadata(sheet).unwrap().permissions().mode();
        assert_eq!(mode & 0o077, 0, "others may read it");
    }
}

/// A reader that goes away (`| head`) ends a command quietly.
#[test]
fn a_closed_pipe_is_no_panic() {
    let mut child = fangpin()
        .arg("schema")
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.stderr, b"", "{}", both(&output));
    assert!(!output.status.success());
}

/// Who looks makes nothing: a wrong folder is an error, not an empty county whose books are sound.
#[test]
fn verification_neither_makes_nor_migrates() {
    let place = Place::sqlite();
    let folder = place.folder.path().join("wrong");
    let look = |arguments: &[&str], expected: &str| {
        let mut command = fangpin();
        let output = command.args(arguments).arg("--data").arg(&folder);
        let output = output.output().unwrap();
        let told = both(&output);
        assert!(
            !output.status.success() && told.contains(expected),
            "{told}"
        );
        assert!(!told.contains("sound"), "{told}");
    };
    for arguments in [["audit", "verify"], ["migrate", "status"]] {
        look(&arguments, "there is no database at");
        assert!(!folder.exists(), "{arguments:?} made the folder");
    }
    let migrate = |step: &str| {
        let mut command = fangpin();
        run(command.args(["migrate", step]).arg("--data").arg(&folder))
    };
    migrate("up");
    look(&["audit", "verify"], "no county is loaded");
    let told = migrate("down");
    assert!(told.contains("pending"), "{told}");
    look(&["audit", "verify"], "older than this program");
    assert!(
        migrate("status").contains("pending"),
        "nothing was migrated"
    );
}

/// Identity numbers, accounts and password hashes are the owner's alone, whatever the umask says.
#[test]
fn what_is_written_is_private() {
    use std::os::unix::fs::PermissionsExt;
    let place = Place::sqlite();
    let folder = place.folder.path().join("data");
    let demo = |folder: &std::path::Path| {
        let mut command = std::process::Command::new("sh");
        command.args(["-c", "umask 022; exec \"$0\" \"$@\""]);
        command.arg(fangpin().get_program());
        command
            .args(["demo", "--no-serve", "--json", "--data"])
            .arg(folder);
        command
            .env_remove("DATABASE_URL")
            .env("FANGPIN_LOG", "warn");
        let output = command.output().unwrap();
        assert!(output.status.success(), "{}", both(&output));
        both(&output)
    };
    assert!(!demo(&folder).contains("chmod"));
    let mut folders = vec![folder.clone()];
    let mut files = 0;
    while let Some(one) = folders.pop() {
        let mode =
            |path: &std::path::Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(&one), 0o700, "{}", one.display());
        for entry in std::fs::read_dir(&one).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                assert_eq!(mode(&path), 0o600, "{}", path.display());
                files += 1;
            }
        }
    }
    assert!(files >= 4, "database and sheets: {files}");
    let open = std::fs::Permissions::from_mode(0o755);
    std::fs::set_permissions(&folder, open).unwrap();
    let told = demo(&folder);
    assert!(told.contains("chmod -R go= "), "{told}");
}

/// Where and why, in seconds, and never the password.
#[test]
#[expect(
    clippy::disallowed_methods,
    reason = "how long a person waits for an answer"
)]
fn an_unreachable_database_is_named() {
    let began = std::time::Instant::now();
    let place = Place::sqlite();
    let output = place
        .fangpin(&["serve"])
        .env(
            "DATABASE_URL",
            "postgres://someone:secret@127.0.0.1:1/fangpin",
        )
        .output()
        .unwrap();
    let told = both(&output);
    assert!(!output.status.success());
    assert!(
        told.contains("PostgreSQL at 127.0.0.1:1 cannot be used"),
        "{told}"
    );
    assert!(
        told.contains("refused") && !told.contains("secret"),
        "{told}"
    );
    assert!(began.elapsed() < std::time::Duration::from_secs(10));
}

/// The demo's accounts have a password that everybody knows: they enter no database that holds a county already.
#[test]
fn the_demo_keeps_to_itself() {
    let county = format!(
        "{}/../crates/server/sample/county.toml",
        env!("CARGO_MANIFEST_DIR")
    );
    for place in Place::both() {
        run(&mut place.fangpin(&["county", "load", &county]));
        let output = place.fangpin(&["demo", "--no-serve"]).output().unwrap();
        let told = both(&output);
        assert!(!output.status.success(), "{told}");
        assert!(told.contains("a folder or database of its own"), "{told}");
        // Still nobody can sign in: a server offers the link of the first administrator.
        let server = Server::start(&place, &["serve"]);
        assert!(place.set_up_link().contains("/setup/"));
        drop(server);
    }
}

/// What is published stays: a scheme of a county that is not loaded, or of no insurer, is refused before.
#[test]
fn a_scheme_has_its_county_and_its_insurer() {
    let sample = format!("{}/../crates/server/sample", env!("CARGO_MANIFEST_DIR"));
    let place = Place::sqlite();
    run(&mut place.fangpin(&["county", "load", &format!("{sample}/county.toml")]));
    let scheme = std::fs::read_to_string(format!("{sample}/scheme.toml")).unwrap();
    let file = place.folder.path().join("scheme.toml");
    let publish = |text: &str| {
        std::fs::write(&file, text).unwrap();
        let mut command = place.fangpin(&["scheme", "publish"]);
        command.arg(&file).output().unwrap()
    };
    for (from, to, reason) in [
        (
            "insurer = \"insurer\"",
            "insurer = \"office\"",
            "insurer: must be the code",
        ),
        (
            "insurer = \"insurer\"",
            "insurer = \"nosuch\"",
            "insurer: must be the code",
        ),
        (
            "county = \"130302\"",
            "county = \"130303\"",
            "county 130303 is not loaded",
        ),
    ] {
        let changed = scheme.replacen(from, to, 1);
        assert_ne!(changed, scheme, "{from}");
        let output = publish(&changed);
        let told = both(&output);
        assert!(!output.status.success() && told.contains(reason), "{told}");
    }
    assert!(publish(&scheme).status.success());
}
