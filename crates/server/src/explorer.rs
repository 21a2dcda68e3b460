//! An interactive explorer for `/explorer`: the published npm bundle of Altair, downloaded or read
//! from a file, checked against a pinned hash, unpacked. Never part of the program; needs no npm.

use crate::cli::Ending;
use base64::Engine;
use clap::Subcommand;
use sha2::{Digest, Sha512};
use std::fs;
use std::io::Read;
use std::os::unix::fs::PermissionsExt;
use std::path::{Component, Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

/// The package, its version, and the `integrity` that the registry states for it. A new version is
/// a new hash here, and `tests/browser` says whether it still works without internet.
const PACKAGE: &str = "altair-static";
const VERSION: &str = "8.5.9";
const INTEGRITY: &str = "sha512-ZjigQ+CWvtqVAgKLo4gYmBLNoOiBPE3tTbsCBiUYZc3QI0+nTbfWj0x8P+dlb8+hmxn0wqGRPHuzRqz4wdOlIg==";
/// What of the package is served.
const SERVED: &str = "package/build/dist";
/// Runs scripts of the user's own; an API explorer can do without.
const LEFT_OUT: &str = "iframe-sandbox";

/// The bundle has 1.8 MB.
const DOWNLOAD_BYTES_MAX: usize = 16 * 1024 * 1024;
const DOWNLOAD_SECONDS_MAX: u64 = 300;
/// Unpacked it has 6.7 MB in 118 files.
const UNPACKED_BYTES_MAX: u64 = 64 * 1024 * 1024;
const FILES_MAX: usize = 1_000;

/// Starts the explorer with our address, and with the header that other sites' pages cannot send.
const START: &str = r#"AltairGraphQL.init({
  endpointURL: location.origin + "/graphql",
  subscriptionsEndpoint: location.origin + "/graphql",
  initialSubscriptionRequestHandlerId: "graphql-sse",
  initialHeaders: { "x-fangpin-csrf": "1" },
  initialName: "Fangpin",
  initialQuery: "query Viewer {\n  viewer {\n    name\n    organisation\n    duties\n    regionCode\n  }\n}\n",
  // What was asked may name people: nothing of it stays in the browser.
  preserveState: false,
  disableAccount: true,
  persistedSettings: {
    language: "zh-CN",
    historyDepth: 0,
    "banners.disable": true,
    disablePushNotification: true,
  },
});
"#;

#[derive(Debug, Subcommand)]
pub enum Action {
    /// Puts an explorer into a folder, for the configuration key `explorer`
    Install {
        /// The folder; it must be empty or hold an explorer that was installed before
        folder: PathBuf,
        /// The package as a file, altair-static-8.5.9.tgz, for a machine without internet
        #[arg(long)]
        from: Option<PathBuf>,
        /// The npm registry to ask, where no file is named
        #[arg(long, env = "NPM_CONFIG_REGISTRY", required_unless_present = "from")]
        registry: Option<String>,
    },
}

type Problem = Box<dyn std::error::Error + Send + Sync>;

/// `fangpin explorer`.
pub async fn run(action: Action) -> Ending {
    let Action::Install {
        folder,
        from,
        registry,
    } = action;
    let packed = match from {
        Some(file) => fs::read(&file).map_err(|fault| format!("{}: {fault}", file.display()))?,
        None => download(&registry.unwrap_or_default()).await?,
    };
    let files = unpack(&packed, INTEGRITY)?;
    install(&folder, &files)?;
    say!(
        "{PACKAGE} {VERSION}: {} files in {}",
        files.len(),
        folder.display()
    );
    say!("explorer = {:?}", folder.display().to_string());
    Ok(ExitCode::SUCCESS)
}

async fn download(registry: &str) -> Result<Vec<u8>, Problem> {
    // A second provider can only be installed by somebody else, and then it is as good.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let url = format!(
        "{}/{PACKAGE}/-/{PACKAGE}-{VERSION}.tgz",
        registry.trim_end_matches('/')
    );
    let client = reqwest::Client::builder()
        .timeout(Duration::from_secs(DOWNLOAD_SECONDS_MAX))
        .build()?;
    let mut response = client.get(&url).send().await?.error_for_status()?;
    let mut packed = Vec::new();
    while let Some(piece) = response.chunk().await? {
        packed.extend_from_slice(&piece);
        if packed.len() > DOWNLOAD_BYTES_MAX {
            return Err(format!("{url}: more than {DOWNLOAD_BYTES_MAX} bytes").into());
        }
    }
    Ok(packed)
}

/// A file to be served: its path below the folder, and its contents.
type Served = (PathBuf, Vec<u8>);

/// Checks the package and takes the files out of it, in memory.
fn unpack(packed: &[u8], integrity: &str) -> Result<Vec<Served>, Problem> {
    let hash = base64::engine::general_purpose::STANDARD.encode(Sha512::digest(packed));
    if integrity.strip_prefix("sha512-") != Some(hash.as_str()) {
        return Err(format!(
            "the package is not {PACKAGE} {VERSION} as published: it should be {integrity}, it is sha512-{hash}"
        )
        .into());
    }
    let plain = flate2::read::GzDecoder::new(packed).take(UNPACKED_BYTES_MAX + 1);
    let mut archive = tar::Archive::new(plain);
    let mut files: Vec<Served> = Vec::new();
    let mut bytes = 0;
    for entry in archive.entries()? {
        let mut entry = entry?;
        // Neither links nor devices: they would point elsewhere.
        if entry.header().entry_type() != tar::EntryType::Regular {
            continue;
        }
        let path = entry.path()?.into_owned();
        let Ok(below) = path.strip_prefix(SERVED) else {
            if path == Path::new("package/LICENSE") {
                let mut text = Vec::new();
                entry.read_to_end(&mut text)?;
                files.push((PathBuf::from("LICENSE"), text));
            }
            continue;
        };
        if !below
            .components()
            .all(|it| matches!(it, Component::Normal(_)))
        {
            return Err(format!("the package has a path outside: {}", path.display()).into());
        }
        if below.starts_with(LEFT_OUT) {
            continue;
        }
        bytes += entry.size();
        if bytes > UNPACKED_BYTES_MAX || files.len() == FILES_MAX {
            return Err("the package is too large".into());
        }
        let mut contents = Vec::new();
        entry.read_to_end(&mut contents)?;
        files.push((below.to_path_buf(), contents));
    }
    let index = files
        .iter_mut()
        .find(|(path, _)| path == Path::new("index.html"))
        .ok_or("the package has no index.html")?;
    index.1 = started(&String::from_utf8(std::mem::take(&mut index.1))?)?.into_bytes();
    files.push((PathBuf::from("fangpin.js"), START.into()));
    Ok(files)
}

/// The first page, moved to `/explorer/` and started by a script of its own.
fn started(index: &str) -> Result<String, Problem> {
    let base = r#"<base href="/" />"#;
    let end = "</body>";
    if !index.contains(base) || !index.contains(end) {
        return Err("the package's index.html is not as it was".into());
    }
    Ok(index
        .replace(base, r#"<base href="/explorer/" />"#)
        .replace(
            end,
            r#"<script type="module" src="fangpin.js"></script></body>"#,
        ))
}

/// Writes beside the folder, then moves it into its place: never half an explorer.
fn install(folder: &Path, files: &[Served]) -> Result<(), Problem> {
    let here = |fault: std::io::Error| format!("{}: {fault}", folder.display());
    let is_ours = folder.join("fangpin.js").is_file();
    if folder.exists() {
        let is_empty = fs::read_dir(folder).map_err(here)?.next().is_none();
        if !is_empty && !is_ours {
            return Err(format!("{} holds something else", folder.display()).into());
        }
    }
    let mut name = folder
        .file_name()
        .ok_or("name the folder itself")?
        .to_owned();
    name.push(".new");
    let beside = folder.with_file_name(name);
    if beside.exists() {
        fs::remove_dir_all(&beside).map_err(here)?;
    }
    fs::create_dir_all(&beside).map_err(here)?;
    readable(&beside, 0o755)?;
    for (path, contents) in files {
        let to = beside.join(path);
        if let Some(parent) = to.parent()
            && !parent.exists()
        {
            fs::create_dir_all(parent).map_err(here)?;
            let mut made = parent.ancestors().take_while(|it| *it != beside);
            made.try_for_each(|it| readable(it, 0o755))?;
        }
        fs::write(&to, contents).map_err(here)?;
        readable(&to, 0o644)?;
    }
    if folder.exists() {
        fs::remove_dir_all(folder).map_err(here)?;
    }
    fs::rename(&beside, folder).map_err(here)?;
    Ok(())
}

/// What is installed is public, whoever installed it and whoever serves it.
fn readable(path: &Path, mode: u32) -> std::io::Result<()> {
    fs::set_permissions(path, fs::Permissions::from_mode(mode))
}

#[cfg(test)]
mod tests {
    use super::{INTEGRITY, install, started, unpack};
    use base64::Engine;
    use flate2::write::GzEncoder;
    use sha2::{Digest, Sha512};
    use std::io::Write;

    const INDEX: &str = r#"<html><base href="/" /><body></body></html>"#;

    /// A package with one more entry; the path is written as it is, also where `tar` would refuse.
    fn package(path: &str, kind: tar::EntryType, contents: &[u8]) -> (Vec<u8>, String) {
        let mut archive = tar::Builder::new(Vec::new());
        let index: (&str, tar::EntryType, &[u8]) = (
            "package/build/dist/index.html",
            tar::EntryType::Regular,
            INDEX.as_bytes(),
        );
        for (path, kind, contents) in [index, (path, kind, contents)] {
            let mut header = tar::Header::new_gnu();
            header.as_mut_bytes()[..path.len()].copy_from_slice(path.as_bytes());
            header.set_entry_type(kind);
            header.set_size(contents.len().try_into().unwrap());
            header.set_cksum();
            archive.append(&header, contents).unwrap();
        }
        let mut gzip = GzEncoder::new(Vec::new(), flate2::Compression::fast());
        gzip.write_all(&archive.into_inner().unwrap()).unwrap();
        let packed = gzip.finish().unwrap();
        let hash = base64::engine::general_purpose::STANDARD.encode(Sha512::digest(&packed));
        (packed, format!("sha512-{hash}"))
    }

    #[test]
    fn a_package_is_unpacked_and_started_below_explorer() {
        let (packed, integrity) = package(
            "package/build/dist/assets/a.js",
            tar::EntryType::Regular,
            b"1",
        );
        let files = unpack(&packed, &integrity).unwrap();
        let place = tempfile::tempdir().unwrap();
        let folder = place.path().join("explorer");
        install(&folder, &files).unwrap();
        // Twice is an update.
        install(&folder, &files).unwrap();
        let index = std::fs::read_to_string(folder.join("index.html")).unwrap();
        assert!(index.contains(r#"<base href="/explorer/" />"#) && index.contains("fangpin.js"));
        assert_eq!(std::fs::read(folder.join("assets/a.js")).unwrap(), b"1");
        // Somebody's own folder is left alone.
        let other = place.path().join("other");
        std::fs::create_dir(&other).unwrap();
        std::fs::write(other.join("letter.txt"), "mine").unwrap();
        assert!(install(&other, &files).is_err());
        assert!(other.join("letter.txt").exists());
    }

    #[test]
    fn another_package_than_the_pinned_one_is_refused() {
        let (packed, integrity) = package("package/build/dist/a.js", tar::EntryType::Regular, b"1");
        let refused = unpack(&packed, INTEGRITY).unwrap_err().to_string();
        assert!(refused.contains("not altair-static"), "{refused}");
        let mut one_bit = packed;
        *one_bit.last_mut().unwrap() ^= 1;
        assert!(unpack(&one_bit, &integrity).is_err());
    }

    #[test]
    fn nothing_leaves_the_folder() {
        let outside = "package/build/dist/../../../evil.js";
        let (packed, integrity) = package(outside, tar::EntryType::Regular, b"1");
        assert!(unpack(&packed, &integrity).is_err());
        // A link is not made; what lies elsewhere in the package is not served.
        for (path, kind) in [
            ("package/build/dist/link", tar::EntryType::Symlink),
            ("/etc/evil", tar::EntryType::Regular),
            ("package/build/index.js", tar::EntryType::Regular),
            (
                "package/build/dist/iframe-sandbox/x.js",
                tar::EntryType::Regular,
            ),
        ] {
            let (packed, integrity) = package(path, kind, b"");
            let files = unpack(&packed, &integrity).unwrap();
            let names: Vec<_> = files
                .iter()
                .map(|(path, _)| path.display().to_string())
                .collect();
            assert_eq!(names, ["index.html", "fangpin.js"], "{path}");
        }
    }

    #[test]
    fn a_changed_first_page_is_refused() {
        assert!(started("<html></html>").is_err());
    }
}
