//! Tells the program which version of the serializer it has been built with: the lock file's.

fn main() {
    println!("cargo::rerun-if-changed=Cargo.lock");
    let lock = std::fs::read_to_string("Cargo.lock").expect("there is a lock file");
    let (_, entry) =
        lock.split_once("name = \"schema_registry_converter\"\nversion = \"").expect("it has it");
    let (version, _) = entry.split_once('"').expect("a quote ends it");
    println!("cargo::rustc-env=SERIALIZER_VERSION={version}");
}
