//! The processes beside the driver, and what they cost.

use std::fmt;
use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

/// The key of the private values on PostgreSQL: a made-up one.
pub const KEY: &str = "dGhlIGZpcnN0IGtleSBvZiBhIHRlc3QsIDMyIGJ5dGU=";

type Failure = Box<dyn std::error::Error + Send + Sync>;

fn variable(name: &str) -> Result<String, Failure> {
    std::env::vars()
        .find_map(|(key, value)| (key == name).then_some(value))
        .ok_or_else(|| format!("{name} is not set: run through tests/run bench").into())
}

/// A tool of the database's installation.
pub fn tool(name: &str) -> PathBuf {
    variable("FANGPIN_TEST_POSTGRES_BIN")
        .map_or_else(|_| name.into(), |bin| PathBuf::from(bin).join(name))
}

/// Runs one statement.
pub fn psql(url: &str, statement: &str) -> Result<(), Failure> {
    if Command::new(tool("psql"))
        .args([url, "-v", "ON_ERROR_STOP=1", "-qc", statement])
        .status()?
        .success()
    {
        Ok(())
    } else {
        Err(format!("psql: {statement}").into())
    }
}

/// A new database; its URL.
pub fn new_database(name: &str) -> Result<String, Failure> {
    let server = variable("FANGPIN_TEST_POSTGRES")?;
    psql(&server, &format!("CREATE DATABASE {name}"))?;
    let (base, _) = server.rsplit_once('/').ok_or("the URL names no database")?;
    Ok(format!("{base}/{name}"))
}

/// CPU microseconds, in all or per transition.
#[derive(Debug, Clone, Copy, Default)]
pub struct Cpu {
    server: u64,
    database: u64,
    driver: u64,
}

impl Cpu {
    /// The server's.
    pub const fn server(&self) -> u64 {
        self.server
    }

    pub const fn since(&self, before: &Self, count: u64) -> Self {
        let count = if count == 0 { 1 } else { count };
        Self {
            server: (self.server - before.server) / count,
            database: (self.database.saturating_sub(before.database)) / count,
            driver: (self.driver - before.driver) / count,
        }
    }
}

impl fmt::Display for Cpu {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}, {}, {}", self.server, self.database, self.driver)
    }
}

pub struct Server {
    child: Child,
    pub address: String,
    folder: tempfile::TempDir,
    database: Option<String>,
}

impl Server {
    /// Seeds the sample county and serves it.
    pub fn start(database: Option<&str>) -> Result<Self, Failure> {
        let folder = tempfile::tempdir()?;
        let fangpin = || -> Result<Command, Failure> {
            let binary = std::env::current_exe()?.with_file_name("fangpin");
            let mut command = Command::new(binary);
            command
                .arg("--data")
                .arg(folder.path())
                .env_remove("DATABASE_URL")
                .env("FANGPIN_LOG", "info")
                // One account asks for everything: its budget is not what is measured.
                .env("FANGPIN_COST_BUDGET", "1000000000")
                .env("FANGPIN_COST_REFILL", "1000000000");
            if let Some(url) = database {
                command.env("DATABASE_URL", url).env("FANGPIN_KEY", KEY);
            }
            Ok(command)
        };
        let seeded = fangpin()?
            .args(["demo", "--no-serve", "--json"])
            .stdout(Stdio::null())
            .status()?;
        if !seeded.success() {
            return Err("the sample county could not be made".into());
        }
        // Everything is switched on, the log line of each request too; it goes where a service's log goes, a file.
        let log = std::fs::File::create(folder.path().join("log"))?;
        let mut child = fangpin()?
            .args(["serve", "--listen", "127.0.0.1:0"])
            .stderr(Stdio::piped())
            .spawn()?;
        let mut lines = BufReader::new(child.stderr.take().ok_or("no stderr")?).lines();
        let address = loop {
            let line = lines.next().ok_or("the server did not come up")??;
            if let Some((_, rest)) = line.split_once("http://") {
                break rest.split(['/', ' ']).next().unwrap_or_default().to_owned();
            }
        };
        std::thread::spawn(move || {
            use std::io::Write;
            let mut log = std::io::BufWriter::new(log);
            for line in lines.map_while(Result::ok) {
                let _ = writeln!(log, "{line}");
            }
        });
        Ok(Self {
            child,
            address,
            folder,
            database: database.map(ToOwned::to_owned),
        })
    }

    /// CPU used so far by server, database and driver.
    pub fn cpu(&self, with_database: bool) -> Result<Cpu, Failure> {
        let mut cpu = Cpu {
            server: cpu_us(self.child.id())?,
            database: 0,
            driver: cpu_us(std::process::id())?,
        };
        if with_database {
            for entry in std::fs::read_dir("/proc")?.flatten() {
                let Some(pid) = entry.file_name().to_str().and_then(|it| it.parse().ok()) else {
                    continue;
                };
                let comm = std::fs::read_to_string(entry.path().join("comm")).unwrap_or_default();
                if comm.trim() == "postgres" {
                    cpu.database += cpu_us(pid).unwrap_or(0);
                }
            }
        }
        Ok(cpu)
    }

    /// Resident memory of the server.
    pub fn memory_kib(&self) -> Result<u64, Failure> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let line = status
            .lines()
            .find(|line| line.starts_with("VmRSS:"))
            .ok_or("no VmRSS")?;
        Ok(line.split_whitespace().nth(1).ok_or("no figure")?.parse()?)
    }

    /// What `audit verify` says of the books after the load.
    pub fn audit(&self) -> Result<String, Failure> {
        let binary = std::env::current_exe()?.with_file_name("fangpin");
        let mut command = Command::new(binary);
        command
            .args(["audit", "verify", "--data"])
            .arg(self.folder.path())
            .env_remove("DATABASE_URL");
        if let Some(url) = &self.database {
            command.env("DATABASE_URL", url).env("FANGPIN_KEY", KEY);
        }
        Ok(String::from_utf8_lossy(&command.output()?.stdout)
            .trim()
            .to_owned())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// User and system time of a process, in microseconds (clock ticks are 10 ms on Linux).
fn cpu_us(pid: u32) -> Result<u64, Failure> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat"))?;
    let (_, rest) = stat.rsplit_once(')').ok_or("no comm")?;
    let ticks: u64 = rest
        .split_whitespace()
        .skip(11)
        .take(2)
        .filter_map(|it| it.parse::<u64>().ok())
        .sum();
    Ok(ticks * 10_000)
}
