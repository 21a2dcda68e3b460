//! Real things for the tests: the built binary, folders, databases, HTTP.

use serde_json::Value;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, ExitStatus, Output, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, mpsc};
use std::time::Duration;

/// The repository.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .unwrap()
        .to_path_buf()
}

pub fn variable(name: &str) -> Option<String> {
    std::env::vars().find_map(|(key, value)| (key == name).then_some(value))
}

/// Whether golden files are to be written.
pub fn updating_golden() -> bool {
    variable("UPDATE_GOLDEN").is_some()
}

/// The binary, as the build left it beside this test.
pub fn fangpin() -> Command {
    let test = std::env::current_exe().unwrap();
    let binary = test
        .parent()
        .and_then(Path::parent)
        .unwrap()
        .join("fangpin");
    assert!(
        binary.exists(),
        "build it first: cargo build -p server (tests/run does)"
    );
    let mut command = Command::new(binary);
    command
        .env_remove("DATABASE_URL")
        .env_remove("FANGPIN_DATA")
        .env_remove("FANGPIN_KEY")
        .env_remove("FANGPIN_KEY_FILE")
        .env("FANGPIN_LOG", "warn");
    command
}

/// Runs to the end; stdout as text. Panics with both streams when the exit code is not zero.
pub fn run(command: &mut Command) -> String {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", both(&output));
    String::from_utf8(output.stdout).unwrap()
}

pub fn both(output: &Output) -> String {
    format!(
        "{}\n{}\n{}",
        output.status,
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    )
}

/// The key of the private values where the processes of a test share a database: a made-up one.
pub const KEY: &str = "dGhlIGZpcnN0IGtleSBvZiBhIHRlc3QsIDMyIGJ5dGU=";

/// Where the data lies: a `SQLite` file in a folder, or a `PostgreSQL` database, both of this test alone.
pub struct Place {
    pub folder: tempfile::TempDir,
    pub url: Option<String>,
    /// Where the keys of the private values are, if not in the folder: `FANGPIN_KEY` or `FANGPIN_KEY_FILE`.
    pub keys: Option<(&'static str, String)>,
}

impl Place {
    pub fn sqlite() -> Self {
        Self {
            folder: tempfile::tempdir().unwrap(),
            url: None,
            keys: None,
        }
    }

    pub fn postgres() -> Self {
        Self {
            folder: tempfile::tempdir().unwrap(),
            url: Some(postgres_database()),
            keys: Some(("FANGPIN_KEY", KEY.to_owned())),
        }
    }

    pub fn both() -> [Self; 2] {
        [Self::sqlite(), Self::postgres()]
    }

    /// `fangpin` on this place.
    pub fn fangpin(&self, arguments: &[&str]) -> Command {
        let mut command = fangpin();
        command
            .args(arguments)
            .arg("--data")
            .arg(self.folder.path());
        if let Some(url) = &self.url {
            command.env("DATABASE_URL", url);
        }
        if let Some((name, keys)) = &self.keys {
            command.env(name, keys);
        }
        command
    }

    /// The link of the first administrator, as a server without a terminal leaves it.
    pub fn set_up_link(&self) -> String {
        let note = self.folder.path().join("first-administrator.txt");
        let mode = std::fs::metadata(&note).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "its owner's alone");
        std::fs::read_to_string(note).unwrap().trim().to_owned()
    }

    /// The keys for a store opened in this process: those of the program, if it has made some.
    pub fn keys(&self) -> Arc<store::Keyring> {
        let file = self.folder.path().join("keys.toml");
        let keys = match &self.keys {
            None if !file.exists() => store::Keyring::of_text(&KEY.to_owned().into()),
            None => store::Keyring::of_file(&file),
            Some(("FANGPIN_KEY", keys)) => store::Keyring::of_text(&keys.clone().into()),
            Some((_, file)) => store::Keyring::of_file(Path::new(file)),
        };
        Arc::new(keys.unwrap())
    }

    /// The URL for a store opened in this process.
    pub fn url(&self) -> String {
        self.url.clone().unwrap_or_else(|| {
            format!(
                "sqlite://{}?mode=rwc",
                self.folder.path().join("fangpin.sqlite").display()
            )
        })
    }
}

/// The Python that tests/run prepared, with its packages. Without one the test fails, loudly.
pub fn python() -> Command {
    let interpreter = variable("FANGPIN_TEST_PYTHON").expect(
        "no Python with the packages the tests need: run through tests/run, which makes one in \
         target/tests-venv, or set FANGPIN_TEST_PYTHON to its interpreter",
    );
    Command::new(interpreter)
}

/// Node on a script of a folder under tests/, with the packages that tests/run installed for that folder
/// (`require` finds them). Without them the test fails, loudly.
pub fn node(folder: &str, script: &str) -> Command {
    let mut command = Command::new("node");
    command
        .env("NODE_PATH", node_modules(folder))
        .arg(root().join("tests").join(folder).join(script));
    command
}

/// Where the npm packages of a folder under tests/ lie.
pub fn node_modules(folder: &str) -> PathBuf {
    let installed = variable("FANGPIN_TEST_NODE").expect(
        "no npm packages: run through tests/run, which installs them under target/tests-node, or set \
         FANGPIN_TEST_NODE to such a folder",
    );
    let modules = Path::new(&installed).join(folder).join("node_modules");
    assert!(
        modules.is_dir(),
        "{} is missing: name {folder} in tests/run, node_packages",
        modules.display()
    );
    modules
}

/// What SQL says to the superuser.
pub fn psql_says(url: &str, sql: &str) -> String {
    let psql = variable("FANGPIN_TEST_POSTGRES_BIN")
        .map_or_else(|| "psql".into(), |bin| format!("{bin}/psql"));
    run(Command::new(psql).args([url, "-qAtc", sql]))
}

/// Runs SQL as the superuser, around everything.
pub fn psql(url: &str, sql: &str) {
    let psql = variable("FANGPIN_TEST_POSTGRES_BIN")
        .map_or_else(|| "psql".into(), |bin| format!("{bin}/psql"));
    run(Command::new(psql).args([url, "-qc", sql]));
}

/// A transaction of somebody else's that holds its locks until it is dropped.
pub struct Held {
    child: Child,
    stdin: Option<ChildStdin>,
}

impl Held {
    /// Begins it with this statement.
    pub fn by(url: &str, sql: &str) -> Self {
        let psql = variable("FANGPIN_TEST_POSTGRES_BIN")
            .map_or_else(|| "psql".into(), |bin| format!("{bin}/psql"));
        let mut child = Command::new(psql)
            .args([url, "-qAt", "-v", "ON_ERROR_STOP=1"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut stdin = child.stdin.take().unwrap();
        write!(stdin, "BEGIN;\n{sql};\n\\echo held\n").unwrap();
        stdin.flush().unwrap();
        let said = BufReader::new(child.stdout.take().unwrap()).lines();
        let held = said.map_while(Result::ok).any(|line| line == "held");
        assert!(held, "{sql} failed");
        Self {
            child,
            stdin: Some(stdin),
        }
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        // psql ends with its input, and the transaction with psql.
        drop(self.stdin.take());
        let _ = self.child.wait();
    }
}

/// The npm bundle of the explorer that `fangpin explorer install` wants. Without it the test fails, loudly.
pub fn explorer_bundle() -> PathBuf {
    PathBuf::from(variable("FANGPIN_TEST_EXPLORER").expect(
        "no explorer: run through tests/run, which packs one into target/tests-node, or set \
         FANGPIN_TEST_EXPLORER to altair-static-8.5.9.tgz",
    ))
}

/// A new database on the server that tests/run started. Without one the test fails, loudly.
pub fn postgres_database() -> String {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let server = variable("FANGPIN_TEST_POSTGRES").expect(
        "no PostgreSQL: run through tests/run, or set FANGPIN_TEST_POSTGRES to a superuser's URL",
    );
    let name = format!(
        "test_{}_{}",
        std::process::id(),
        NEXT.fetch_add(1, Ordering::Relaxed)
    );
    psql(&server, &format!("CREATE DATABASE {name}"));
    let (base, _) = server.rsplit_once('/').unwrap();
    format!("{base}/{name}")
}

/// A port for whoever must be known before it listens. It lies below those that the system gives away and is given once
/// only, so that nobody takes it in between.
pub fn free_port() -> u16 {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    loop {
        // Every process begins elsewhere.
        let place = std::process::id() * 64 + NEXT.fetch_add(1, Ordering::Relaxed);
        let port = u16::try_from(10_000 + place % 20_000).unwrap();
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
}

/// A running server; killed when dropped.
pub struct Server {
    child: Child,
    pub address: String,
    /// Every line until the address was known.
    heard: Vec<String>,
    hear: mpsc::Receiver<String>,
}

impl Server {
    /// Starts `fangpin ARGUMENTS --listen 127.0.0.1:0` and waits for its address.
    pub fn start(place: &Place, arguments: &[&str]) -> Self {
        Self::start_with(place, arguments, &[])
    }

    /// Starts it with more in the environment.
    pub fn start_with(place: &Place, arguments: &[&str], environment: &[(&str, &str)]) -> Self {
        Self::start_at(place, arguments, environment, "127.0.0.1:0")
    }

    /// The same at an address that somebody else must know beforehand.
    pub fn start_at(
        place: &Place,
        arguments: &[&str],
        environment: &[(&str, &str)],
        listen: &str,
    ) -> Self {
        let mut command = place.fangpin(arguments);
        command
            .envs(environment.iter().copied())
            .args(["--listen", listen])
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let child = command.spawn().unwrap();
        let (say, hear) = mpsc::channel();
        let mut server = Self {
            child,
            address: String::new(),
            heard: Vec::new(),
            hear,
        };
        let streams: [Box<dyn std::io::Read + Send>; 2] = [
            Box::new(server.child.stdout.take().unwrap()),
            Box::new(server.child.stderr.take().unwrap()),
        ];
        for stream in streams {
            let say = say.clone();
            std::thread::spawn(move || {
                for line in BufReader::new(stream).lines().map_while(Result::ok) {
                    let _ = say.send(line);
                }
            });
        }
        drop(say);
        loop {
            let line = server.hear.recv_timeout(Duration::from_mins(1));
            let line = line.unwrap_or_else(|_| {
                panic!("the server did not come up:\n{}", server.heard.join("\n"))
            });
            server.heard.push(line.clone());
            if let Some((_, rest)) = line.split_once("http://") {
                rest.split(['/', ' '])
                    .next()
                    .unwrap()
                    .clone_into(&mut server.address);
                return server;
            }
        }
    }

    /// Waits until it says something that holds a text; the whole line.
    pub fn hear(&mut self, text: &str) -> String {
        loop {
            let line = self.hear.recv_timeout(Duration::from_mins(1));
            let line = line.unwrap_or_else(|_| panic!("it never said {text:?}"));
            self.heard.push(line.clone());
            if line.contains(text) {
                return line;
            }
        }
    }

    /// Ends it; everything it said.
    pub fn stop(mut self) -> Vec<String> {
        let _ = self.child.kill();
        let _ = self.child.wait();
        // The channel ends with the streams, and these with the process.
        let mut said = std::mem::take(&mut self.heard);
        said.extend(self.hear.iter());
        said
    }

    /// Asks it to stop, as the system does, and waits until it has; how it ended, and everything it said.
    pub fn terminate(mut self) -> (ExitStatus, Vec<String>) {
        run(Command::new("kill").args(["-TERM", &self.child.id().to_string()]));
        let status = self.child.wait().unwrap();
        let mut said = std::mem::take(&mut self.heard);
        said.extend(self.hear.iter());
        (status, said)
    }

    /// Kills it as a power cut would.
    pub fn kill(mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// Resident memory in KiB.
    pub fn resident_kib(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let text = line.unwrap().trim().trim_end_matches(" kB");
        text.parse().unwrap()
    }

    /// The address of a path.
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// An HTTP client. Its provider of cryptography is set once for the whole program.
pub fn http() -> reqwest::Client {
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::new()
}

/// A GraphQL client of one account, with the committed documents.
pub struct Client {
    http: reqwest::Client,
    url: String,
    token: String,
}

impl Client {
    /// Signs in with the document of the role.
    pub async fn sign_in(server: &Server, login: &str) -> Self {
        let mut client = Self::anonymous(server);
        let input = serde_json::json!({ "login": login, "password": "fangpin-demo-2020" });
        let answer = client
            .ask("office/LogIn", serde_json::json!({ "input": input }))
            .await;
        answer["data"]["logIn"]["token"]
            .as_str()
            .unwrap_or_else(|| panic!("{answer}"))
            .clone_into(&mut client.token);
        client
    }

    /// Somebody who has not signed in.
    pub fn anonymous(server: &Server) -> Self {
        Self {
            http: http(),
            url: server.url("/graphql"),
            token: String::new(),
        }
    }

    /// Whoever holds an API key.
    pub fn with_key(server: &Server, key: &str) -> Self {
        Self {
            token: key.to_owned(),
            ..Self::anonymous(server)
        }
    }

    /// The session's token.
    pub fn token(&self) -> &str {
        &self.token
    }

    /// Sends a committed document, `graphql/operations/NAME.graphql`.
    pub async fn ask(&self, document: &str, variables: Value) -> Value {
        let path = root()
            .join("graphql/operations")
            .join(format!("{document}.graphql"));
        let query =
            std::fs::read_to_string(&path).unwrap_or_else(|_| panic!("no document {document}"));
        self.query(&query, variables).await
    }

    /// Takes an export away.
    pub async fn take_away(&self, server: &Server, url: &str) -> Vec<u8> {
        let request = self.http.get(server.url(url)).bearer_auth(&self.token);
        let answer = request.send().await.unwrap();
        assert_eq!(answer.status(), 200);
        answer.bytes().await.unwrap().to_vec()
    }

    /// Sends any document.
    pub async fn query(&self, query: &str, variables: Value) -> Value {
        let mut request = self
            .http
            .post(&self.url)
            .header("accept", "application/graphql-response+json")
            .json(&serde_json::json!({ "query": query, "variables": variables }));
        if !self.token.is_empty() {
            request = request.bearer_auth(&self.token);
        }
        let text = request.send().await.unwrap().text().await.unwrap();
        serde_json::from_str(&text).unwrap_or_else(|_| panic!("not JSON: {text}"))
    }
}
