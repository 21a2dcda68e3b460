//! Lists the committed documents of the roles, so that the binary carries them.

use std::fmt::Write;
use std::path::Path;

fn main() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../graphql/operations");
    println!("cargo::rerun-if-changed={}", folder.display());
    let mut list = String::from("&[\n");
    for role in ["office", "insurer", "reports"] {
        let mut files: Vec<_> = std::fs::read_dir(folder.join(role))
            .expect("graphql/operations has a folder for each role")
            .map(|entry| entry.expect("a readable folder").path())
            .filter(|path| path.extension().is_some_and(|it| it == "graphql"))
            .collect();
        files.sort();
        for path in files {
            let name = path.file_stem().and_then(|it| it.to_str());
            let (Some(name), Some(path)) = (name, path.to_str()) else {
                panic!("{} has no name in UTF-8", path.display());
            };
            writeln!(list, "    ({role:?}, {name:?}, include_str!({path:?})),").expect("memory");
        }
    }
    list.push_str("]\n");
    let out = std::env::var_os("OUT_DIR").expect("cargo sets it");
    std::fs::write(Path::new(&out).join("documents.rs"), list).expect("a writable OUT_DIR");
}
