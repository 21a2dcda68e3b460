//! Private values at rest: sealed with XChaCha20-Poly1305, found again by a keyed blind index.
//!
//! **Why this cipher**: its nonces have 24 bytes, so that they may be drawn at random by any number
//! of processes for as long as a key lives; a 12-byte nonce (AES-GCM) repeats too soon for that, and
//! one repetition gives it away. It needs no special instructions of the processor to be fast and
//! even in time.
//!
//! A sealed text is `v1.<key>.<base64url of nonce and ciphertext>`. What it is for (table, column,
//! county, row) is authenticated with it: a ciphertext moved to another row does not open. From a
//! master key of 32 bytes HKDF-SHA256 makes the cipher's key, the index's key and the key's name, so
//! that a wrong key is known by its name before anything is tried.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use chacha20poly1305::aead::{Aead, Payload};
use chacha20poly1305::{KeyInit, XChaCha20Poly1305, XNonce};
use engine::{Fault, ids};
use hkdf::Hkdf;
use hmac::{Hmac, Mac};
use lifecycle::CountyCode;
use secrecy::zeroize::Zeroizing;
use secrecy::{ExposeSecret, SecretString};
use sha2::Sha256;
use std::fmt::{self, Write as _};
use std::fs::{self, File, OpenOptions};
use std::io::{ErrorKind, Write as _};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, chown};
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};
use uuid::Uuid;

/// The form of a sealed text.
pub(crate) const FORM: &str = "v1.";
const KEY_BYTES: usize = 32;
const NONCE_BYTES: usize = 24;
/// Bytes of a blind index: far more than a county has people, and nothing to guess from.
const INDEX_BYTES: usize = 16;
/// Bytes of a key's name.
const NAME_BYTES: usize = 4;
const SALT: &[u8] = b"fangpin private values v1";

/// A key's name: it follows from the key, so nobody can mix two up.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyId(String);

impl fmt::Display for KeyId {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

impl KeyId {
    /// A name as it was written down.
    pub fn named(text: &str) -> Self {
        Self(text.trim().to_owned())
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// What a private value is: nothing else opens it.
#[derive(Debug, Clone, Copy)]
pub struct Place {
    /// The table it stands in.
    pub table: &'static str,
    /// The column.
    pub column: &'static str,
    /// The county.
    pub county: CountyCode,
    /// The row.
    pub row: Uuid,
}

impl Place {
    fn associated(&self) -> String {
        let Self {
            table,
            column,
            county,
            row,
        } = self;
        format!("{table}\n{column}\n{county}\n{row}")
    }

    fn impossible(&self, reason: &str) -> Fault {
        crate::rows::impossible(self.table, self.column, &self.row, reason)
    }
}

struct Key {
    id: KeyId,
    /// The day it was made, as the file has it.
    made: String,
    cipher: XChaCha20Poly1305,
    index: Zeroizing<[u8; KEY_BYTES]>,
}

impl Key {
    fn read(text: &str, made: &str) -> Result<Self, &'static str> {
        let master = STANDARD
            .decode(text.trim())
            .map(Zeroizing::new)
            .map_err(|_| "is not base64")?;
        if master.len() != KEY_BYTES {
            return Err("is not 32 bytes long");
        }
        let derive = Hkdf::<Sha256>::new(Some(SALT), &master);
        let mut own = Zeroizing::new([0; KEY_BYTES]);
        let mut index = Zeroizing::new([0; KEY_BYTES]);
        let mut name = [0; NAME_BYTES];
        let long = "cannot be derived from";
        derive.expand(b"seal", &mut *own).map_err(|_| long)?;
        derive.expand(b"index", &mut *index).map_err(|_| long)?;
        derive.expand(b"name", &mut name).map_err(|_| long)?;
        Ok(Self {
            id: KeyId(ids::hex(&name)),
            made: made.to_owned(),
            cipher: XChaCha20Poly1305::new((&*own).into()),
            index,
        })
    }
}

/// Where keys come from, and are looked up again when an unknown one is met.
#[derive(Debug, Clone)]
enum Source {
    Nowhere,
    Texts,
    File(PathBuf),
}

/// The keys of an installation, the newest last. A value is opened by whichever key sealed it.
pub struct Keyring {
    source: Source,
    keys: RwLock<Vec<Arc<Key>>>,
}

impl fmt::Debug for Keyring {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "Keyring({:?})", self.source)
    }
}

fn unusable(text: String) -> Fault {
    Fault::Unusable(text)
}

impl Keyring {
    /// No key: whatever is private cannot be read or written, and says so.
    pub fn none() -> Self {
        Self {
            source: Source::Nowhere,
            keys: RwLock::default(),
        }
    }

    /// Keys from the environment: base64 of 32 bytes each, separated by commas, the newest last.
    pub fn of_text(text: &SecretString) -> Result<Self, Fault> {
        let keys = text
            .expose_secret()
            .split(',')
            .map(|one| {
                Key::read(one, "")
                    .map(Arc::new)
                    .map_err(|fault| unusable(format!("FANGPIN_KEY: a key {fault}")))
            })
            .collect::<Result<Vec<_>, _>>()?;
        Ok(Self {
            source: Source::Texts,
            keys: RwLock::new(keys),
        })
    }

    /// Keys from a file that only its owner can read.
    pub fn of_file(path: &Path) -> Result<Self, Fault> {
        Ok(Self {
            source: Source::File(path.to_owned()),
            keys: RwLock::new(read_file(path)?),
        })
    }

    /// The key that new counties begin with. The file is read again: a county that began with a key
    /// which was taken out of it since could not be read any more.
    pub(crate) fn newest(&self) -> Result<KeyId, Fault> {
        self.read_again()?;
        let newest = self.held().last().map(|key| key.id.clone());
        newest.ok_or_else(|| self.lacks(None))
    }

    /// The names of the keys held and the days they were made, the newest last.
    pub fn names(&self) -> Vec<(KeyId, String)> {
        let keys = self.held();
        keys.iter()
            .map(|key| (key.id.clone(), key.made.clone()))
            .collect()
    }

    fn held(&self) -> Vec<Arc<Key>> {
        let keys = self.keys.read().unwrap_or_else(PoisonError::into_inner);
        keys.clone()
    }

    fn find(&self, id: &str) -> Option<Arc<Key>> {
        let keys = self.keys.read().unwrap_or_else(PoisonError::into_inner);
        keys.iter().find(|key| key.id.0 == id).cloned()
    }

    /// A key by its name. An unknown one may have been added to the file since it was read.
    fn key(&self, id: &str) -> Result<Arc<Key>, Fault> {
        if let Some(key) = self.find(id) {
            return Ok(key);
        }
        self.read_again()?;
        self.find(id).ok_or_else(|| self.lacks(Some(id)))
    }

    fn read_again(&self) -> Result<(), Fault> {
        if let Source::File(path) = &self.source {
            let fresh = read_file(path)?;
            *self.keys.write().unwrap_or_else(PoisonError::into_inner) = fresh;
        }
        Ok(())
    }

    /// What is missing and where it belongs.
    fn lacks(&self, id: Option<&str>) -> Fault {
        let which = match id {
            Some(id) => format!("private values here are sealed under key {id}"),
            None => "private values are stored sealed".to_owned(),
        };
        let held: Vec<String> = self.names().into_iter().map(|(id, _)| id.0).collect();
        let held = held.join(", ");
        unusable(match &self.source {
            Source::Nowhere => format!(
                "{which}, and no key is configured: name its file (key_file, FANGPIN_KEY_FILE) or hand it over in FANGPIN_KEY"
            ),
            Source::Texts => format!("{which}, and FANGPIN_KEY holds only: {held}"),
            Source::File(path) => format!(
                "{which}, and {} holds only: {held}. Put the right key file there",
                path.display()
            ),
        })
    }

    /// That the key is held.
    pub(crate) fn expect(&self, id: &KeyId) -> Result<(), Fault> {
        self.key(&id.0).map(drop)
    }

    /// Seals a value under a key.
    pub fn seal(&self, key: &KeyId, place: &Place, plain: &str) -> Result<String, Fault> {
        let key = self.key(&key.0)?;
        let mut sealed = vec![0; NONCE_BYTES];
        getrandom::fill(&mut sealed).map_err(|fault| Fault::store("drawing a nonce", fault))?;
        let nonce = XNonce::try_from(sealed.as_slice())
            .map_err(|_| place.impossible("no nonce could be drawn"))?;
        let associated = place.associated();
        let ciphertext = key
            .cipher
            .encrypt(
                &nonce,
                Payload {
                    msg: plain.as_bytes(),
                    aad: associated.as_bytes(),
                },
            )
            .map_err(|_| place.impossible("the value cannot be sealed"))?;
        sealed.extend(ciphertext);
        Ok(format!(
            "{FORM}{}.{}",
            key.id,
            URL_SAFE_NO_PAD.encode(sealed)
        ))
    }

    /// Opens a value, whichever key sealed it.
    pub fn open(&self, place: &Place, sealed: &str) -> Result<Zeroizing<String>, Fault> {
        let (id, body) = sealed
            .strip_prefix(FORM)
            .and_then(|rest| rest.split_once('.'))
            .ok_or_else(|| place.impossible("not a sealed value"))?;
        let body = URL_SAFE_NO_PAD
            .decode(body)
            .map_err(|_| place.impossible("not a sealed value"))?;
        let key = self.key(id)?;
        let (nonce, ciphertext) = body
            .split_at_checked(NONCE_BYTES)
            .ok_or_else(|| place.impossible("not a sealed value"))?;
        let nonce = XNonce::try_from(nonce).map_err(|_| place.impossible("not a sealed value"))?;
        let associated = place.associated();
        let plain = key
            .cipher
            .decrypt(
                &nonce,
                Payload {
                    msg: ciphertext,
                    aad: associated.as_bytes(),
                },
            )
            .map_err(|_| place.impossible("does not open: altered, or of another row"))?;
        String::from_utf8(plain)
            .map(Zeroizing::new)
            .map_err(|_| place.impossible("not a text"))
    }

    /// The blind index of a value under a key: equal values of a county and a field have equal ones,
    /// and nobody without the key can tell which value it is.
    pub(crate) fn index(
        &self,
        key: &KeyId,
        field: &'static str,
        county: CountyCode,
        plain: &str,
    ) -> Result<String, Fault> {
        Ok(index(self.key(&key.0)?.as_ref(), field, county, plain))
    }

    /// The blind indexes of a value under every key: while a county goes over to another key, a look-up
    /// must find what either wrote.
    pub fn indexes(
        &self,
        field: &'static str,
        county: CountyCode,
        plain: &str,
    ) -> Result<Vec<String>, Fault> {
        let keys = self.held();
        if keys.is_empty() {
            return Err(self.lacks(None));
        }
        let each = keys.iter();
        Ok(each.map(|key| index(key, field, county, plain)).collect())
    }
}

fn index(key: &Key, field: &str, county: CountyCode, plain: &str) -> String {
    // Any length of key is lawful for HMAC, so there is no failure to speak of.
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(&*key.index) else {
        return String::new();
    };
    mac.update(format!("{field}\n{county}\n{plain}").as_bytes());
    let hash = ids::hex(&mac.finalize().into_bytes()[..INDEX_BYTES]);
    format!("{}.{hash}", key.id)
}

/// The key a sealed text names; `None` if it is not sealed.
#[cfg(test)]
fn key_of(sealed: &str) -> Option<KeyId> {
    let (id, _) = sealed.strip_prefix(FORM)?.split_once('.')?;
    Some(KeyId(id.to_owned()))
}

/// A fresh master key, as it is written down.
pub fn fresh_key() -> Result<SecretString, Fault> {
    let mut bytes = Zeroizing::new([0; KEY_BYTES]);
    getrandom::fill(&mut *bytes).map_err(|fault| Fault::store("drawing a key", fault))?;
    Ok(STANDARD.encode(*bytes).into())
}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct KeyFile {
    key: Vec<KeyEntry>,
}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct KeyEntry {
    /// For people; it follows from the secret.
    name: Option<String>,
    made: Option<String>,
    secret: SecretString,
}

fn read_file(path: &Path) -> Result<Vec<Arc<Key>>, Fault> {
    let place = path.display();
    let file = File::open(path)
        .map_err(|fault| unusable(format!("the key file {place} cannot be read: {fault}")))?;
    let mode = file
        .metadata()
        .map_err(|fault| unusable(format!("the key file {place} cannot be read: {fault}")))?
        .mode();
    if mode & 0o077 != 0 {
        return Err(unusable(format!(
            "the key file {place} can be read by others than its owner; close it: chmod 600 '{place}'"
        )));
    }
    let text = std::io::read_to_string(file)
        .map(Zeroizing::new)
        .map_err(|fault| unusable(format!("the key file {place} cannot be read: {fault}")))?;
    // The reader's own words would show a piece of the file.
    let read: KeyFile = toml::from_str(&text).map_err(|_| {
        unusable(format!(
            "the key file {place} is not one: it holds [[key]] with name, made and secret"
        ))
    })?;
    if read.key.is_empty() {
        return Err(unusable(format!("the key file {place} holds no key")));
    }
    read.key
        .iter()
        .map(|entry| {
            let day = entry.made.as_deref().unwrap_or_default();
            let key = Key::read(entry.secret.expose_secret(), day)
                .map_err(|fault| unusable(format!("the key file {place}: a key {fault}")))?;
            match &entry.name {
                Some(name) if *name != key.id.0 => Err(unusable(format!(
                    "the key file {place}: the key called {name} is {}, its secret was altered",
                    key.id
                ))),
                Some(_) | None => Ok(Arc::new(key)),
            }
        })
        .collect()
}

const HEAD: &str = "\
# Keys of the private values: identity numbers, accounts, phones, diagnoses. Whoever has this file and the
# database can read them; without it nobody can. Keep a copy of this file apart from the database's backups.
# The newest key stands last. `fangpin keys` reads and changes this file.
";

fn entry(secret: &SecretString, made: &str) -> Result<(KeyId, Zeroizing<String>), Fault> {
    let secret = secret.expose_secret();
    let key = Key::read(secret, made).map_err(|fault| unusable(format!("a fresh key {fault}")))?;
    let mut text = Zeroizing::new(String::new());
    let _ = write!(
        text,
        "\n[[key]]\nname = \"{}\"\nmade = \"{made}\"\nsecret = \"{secret}\"\n",
        key.id
    );
    Ok((key.id, text))
}

/// A file beside `path` with this text, on the disk, for its owner only.
fn beside(path: &Path, text: &str) -> std::io::Result<PathBuf> {
    let temporary = path.with_extension(format!("{}.new", ids::fresh().simple()));
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&temporary)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    Ok(temporary)
}

fn settle(path: &Path) -> std::io::Result<()> {
    match path.parent() {
        Some(folder) if folder.as_os_str().is_empty() => File::open(".")?.sync_all(),
        Some(folder) => File::open(folder)?.sync_all(),
        None => Ok(()),
    }
}

/// Makes a key file where there is none; whether this call made it. Of two processes that begin at
/// once one makes it, and the other reads that one's.
pub fn make_key_file(path: &Path, made: &str) -> Result<bool, Fault> {
    let (_, one) = entry(&fresh_key()?, made)?;
    let text = Zeroizing::new(format!("{HEAD}{}", *one));
    let write = || {
        let temporary = beside(path, &text)?;
        // Unlike a renaming, a link does not replace.
        let linked = fs::hard_link(&temporary, path);
        fs::remove_file(&temporary)?;
        match linked {
            Ok(()) => settle(path).map(|()| true),
            Err(fault) if fault.kind() == ErrorKind::AlreadyExists => Ok(false),
            Err(fault) => Err(fault),
        }
    };
    write().map_err(|fault| {
        unusable(format!(
            "the key file {} cannot be made: {fault}",
            path.display()
        ))
    })
}

/// Adds a fresh key to a key file, as the newest one.
pub fn add_key(path: &Path, made: &str) -> Result<KeyId, Fault> {
    read_file(path)?;
    let (id, one) = entry(&fresh_key()?, made)?;
    rewrite(path, |text| format!("{text}{}", *one))?;
    Ok(id)
}

/// Takes a key out of a key file.
pub fn remove_key(path: &Path, id: &KeyId) -> Result<(), Fault> {
    let held = read_file(path)?;
    if !held.iter().any(|key| key.id == *id) {
        return Err(unusable(format!(
            "there is no key {id} in {}",
            path.display()
        )));
    }
    if held.len() == 1 {
        return Err(unusable(format!(
            "{id} is the only key in {}: `fangpin keys new` makes another one first",
            path.display()
        )));
    }
    rewrite(path, |text| {
        let mut parts = text.split("[[key]]");
        let comment = parts.next().unwrap_or_default().to_owned();
        let secret_of = |part: &str| -> Option<KeyId> {
            let file: KeyFile = toml::from_str(&format!("[[key]]{part}")).ok()?;
            let secret = file.key.first()?.secret.expose_secret().to_owned();
            Key::read(&Zeroizing::new(secret), "")
                .ok()
                .map(|key| key.id)
        };
        parts
            .filter(|part| secret_of(part).as_ref() != Some(id))
            .fold(comment, |text, part| format!("{text}[[key]]{part}"))
    })
}

fn rewrite(path: &Path, change: impl FnOnce(&str) -> String) -> Result<(), Fault> {
    let write = || {
        // Not the name that points to the file, if it is another: that would be two files afterwards.
        let path = fs::canonicalize(path)?;
        let text = Zeroizing::new(fs::read_to_string(&path)?);
        let text = Zeroizing::new(change(&text));
        let owner = fs::metadata(&path)?;
        let temporary = beside(&path, &text)?;
        // The server's file stays the server's, whoever changes it.
        let own = fs::metadata(&temporary)?;
        let kept = if (own.uid(), own.gid()) == (owner.uid(), owner.gid()) {
            Ok(())
        } else {
            chown(&temporary, Some(owner.uid()), Some(owner.gid()))
        };
        kept.and_then(|()| fs::rename(&temporary, &path))
            .inspect_err(|_| drop(fs::remove_file(&temporary)))?;
        settle(&path)
    };
    write().map_err(|fault: std::io::Error| {
        unusable(format!(
            "the key file {} cannot be written: {fault}",
            path.display()
        ))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use engine::testkit::world::county;
    use std::os::unix::fs::PermissionsExt;

    const PLAIN: &str = "130302199001010016";

    fn ring(keys: &[u8]) -> Keyring {
        let texts: Vec<String> = keys.iter().map(|it| STANDARD.encode([*it; 32])).collect();
        Keyring::of_text(&texts.join(",").into()).expect("keys")
    }

    fn place(row: u128) -> Place {
        Place {
            table: "member",
            column: "id_number",
            county: county(),
            row: Uuid::from_u128(row),
        }
    }

    fn sealed(ring: &Keyring) -> String {
        ring.seal(&ring.newest().expect("a key"), &place(1), PLAIN)
            .expect("sealed")
    }

    #[test]
    fn what_was_sealed_opens_in_its_own_row_only() {
        let ring = ring(&[1]);
        let sealed = sealed(&ring);
        assert!(sealed.starts_with(FORM) && !sealed.contains(PLAIN));
        assert_eq!(*ring.open(&place(1), &sealed).expect("opened"), PLAIN);
        let elsewhere = Place {
            column: "account_no",
            ..place(1)
        };
        let other_county = Place {
            county: CountyCode::new(130_303).expect("a county"),
            ..place(1)
        };
        for moved in [place(2), elsewhere, other_county] {
            let fault = ring.open(&moved, &sealed).expect_err("moved");
            assert!(matches!(fault, Fault::Inconsistency { .. }), "{fault}");
            assert!(!fault.to_string().contains(PLAIN));
        }
    }

    #[test]
    fn no_two_ciphertexts_are_the_same_and_every_altered_one_is_refused() {
        let ring = ring(&[1]);
        let one = sealed(&ring);
        assert_ne!(one, sealed(&ring));
        let start = one.rfind('.').expect("a form") + 1;
        for at in start..one.len() - 1 {
            let mut bytes = one.clone().into_bytes();
            bytes[at] = if bytes[at] == b'A' { b'B' } else { b'A' };
            let altered = String::from_utf8(bytes).expect("text");
            if altered != one {
                assert!(ring.open(&place(1), &altered).is_err(), "{at}");
            }
        }
        for text in ["", PLAIN, "v1.", "v1.aa", "v1..", "v2.x.y", "v1.00000000.!"] {
            assert!(ring.open(&place(1), text).is_err(), "{text}");
        }
    }

    #[test]
    fn older_keys_still_open_and_a_missing_one_is_named() {
        let old = sealed(&ring(&[1]));
        let both = ring(&[1, 2]);
        assert_eq!(*both.open(&place(1), &old).expect("opened"), PLAIN);
        let name = key_of(&old).expect("a name");
        assert_ne!(both.newest().expect("a key"), name);
        let fault = ring(&[2]).open(&place(1), &old).expect_err("lost");
        assert!(fault.to_string().contains(name.as_str()), "{fault}");
        let fault = Keyring::none().open(&place(1), &old).expect_err("none");
        assert!(fault.to_string().contains("FANGPIN_KEY"), "{fault}");
    }

    /// An index tells nothing across fields, counties or keys.
    #[test]
    fn an_index_finds_its_own_value_only() {
        let ring = ring(&[1, 2]);
        let of = |field, county, plain| ring.indexes(field, county, plain).expect("indexes");
        let one = of("member.id_number", county(), PLAIN);
        assert_eq!(one, of("member.id_number", county(), PLAIN));
        assert_ne!(one[0], one[1]);
        // The key's name is not all that differs: without the key nobody can compute the rest.
        let hash = |index: &str| index.rsplit('.').next().map(str::to_owned);
        assert_ne!(hash(&one[0]), hash(&one[1]));
        let newest = ring.newest().expect("a key");
        let under = ring.index(&newest, "member.id_number", county(), PLAIN);
        assert_eq!(under.expect("an index"), one[1]);
        let other = CountyCode::new(130_303).expect("a county");
        for other in [
            of("payee.account_no", county(), PLAIN),
            of("member.id_number", other, PLAIN),
            of("member.id_number", county(), "130302195506151238"),
        ] {
            assert!(other.iter().all(|it| !one.contains(it)));
        }
        assert_eq!(one[0].len(), 2 * (NAME_BYTES + INDEX_BYTES) + 1);
    }

    #[test]
    fn nothing_here_prints_a_key() {
        let text = STANDARD.encode([7; 32]);
        let ring = Keyring::of_text(&text.clone().into()).expect("a key");
        assert!(!format!("{ring:?}").contains(&text[..8]));
        let faulty = Keyring::of_text(&format!("{text}x").into()).expect_err("faulty");
        assert!(!faulty.to_string().contains(&text[..8]), "{faulty}");
        assert!(Keyring::of_text(&STANDARD.encode([7; 16]).into()).is_err());
    }

    #[test]
    fn a_key_file_is_made_once_grows_and_shrinks() {
        let folder = tempfile::TempDir::new().expect("a folder");
        let path = folder.path().join("keys.toml");
        assert!(Keyring::of_file(&path).is_err());
        assert!(make_key_file(&path, "2026-11-27").expect("made"));
        assert!(!make_key_file(&path, "2026-11-28").expect("left alone"));
        let ring = Keyring::of_file(&path).expect("read");
        let old = sealed(&ring);
        let idle = Keyring::of_file(&path).expect("read");
        let new = add_key(&path, "2026-11-28").expect("added");
        // A process that began earlier learns of it when it meets it.
        ring.expect(&new).expect("read again");
        assert_eq!(ring.newest().expect("a key"), new);
        assert_eq!(*ring.open(&place(1), &old).expect("opened"), PLAIN);
        let first = ring.names()[0].clone();
        assert_eq!(first.1, "2026-11-27");
        remove_key(&path, &first.0).expect("removed");
        let ring = Keyring::of_file(&path).expect("read");
        assert_eq!(ring.names().len(), 1);
        assert!(ring.open(&place(1), &old).is_err());
        // A process that met nothing in the meantime begins nothing under a key that is gone.
        assert_eq!(idle.names(), std::slice::from_ref(&first));
        assert_eq!(idle.newest().expect("a key"), new);
        assert!(remove_key(&path, &first.0).is_err());
        let fault = remove_key(&path, &new).expect_err("the only one");
        assert!(fault.to_string().contains("keys new"), "{fault}");
        // Nothing else was left behind, and nobody else may read it.
        assert_eq!(fs::read_dir(folder.path()).expect("a folder").count(), 1);
        assert_eq!(fs::metadata(&path).expect("a file").mode() & 0o777, 0o600);
    }

    #[test]
    fn a_name_that_points_to_the_key_file_goes_on_doing_so() {
        let folder = tempfile::TempDir::new().expect("a folder");
        let (path, link) = (folder.path().join("keys.toml"), folder.path().join("link"));
        make_key_file(&path, "2026-11-27").expect("made");
        std::os::unix::fs::symlink(&path, &link).expect("a link");
        let new = add_key(&link, "2026-11-28").expect("added");
        let ring = Keyring::of_file(&path).expect("read");
        assert_eq!(ring.newest().expect("a key"), new);
        assert!(fs::symlink_metadata(&link).expect("a link").is_symlink());
    }

    #[test]
    fn a_key_file_that_others_can_read_is_refused() {
        let folder = tempfile::TempDir::new().expect("a folder");
        let path = folder.path().join("keys.toml");
        make_key_file(&path, "2026-11-27").expect("made");
        for mode in [0o640, 0o604, 0o660] {
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).expect("open to others");
            let fault = Keyring::of_file(&path).expect_err("open to others");
            assert!(fault.to_string().contains("chmod 600"), "{fault}");
        }
    }

    #[test]
    fn a_damaged_key_file_never_shows_its_contents() {
        let folder = tempfile::TempDir::new().expect("a folder");
        let path = folder.path().join("keys.toml");
        make_key_file(&path, "2026-11-27").expect("made");
        let text = fs::read_to_string(&path).expect("read");
        let secret = text.split('"').nth(5).expect("a secret").to_owned();
        for damaged in [
            text.replace("secret =", "secret ="[..6].to_uppercase().as_str()),
            text.replace(&secret, &secret[..20]),
            text.replace(&secret, &STANDARD.encode([9; 32])),
            HEAD.to_owned(),
            format!("{HEAD}key = []"),
        ] {
            fs::write(&path, &damaged).expect("written");
            let fault = Keyring::of_file(&path).expect_err("damaged").to_string();
            assert!(!fault.contains(&secret[..8]), "{fault}");
        }
    }
}
