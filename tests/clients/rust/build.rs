//! Tells the program which versions of the clients it is built with: those that stand in Cargo.lock.

fn main() {
    println!("cargo::rerun-if-changed=Cargo.lock");
    let lock = std::fs::read_to_string("Cargo.lock").expect("Cargo.lock is beside Cargo.toml");
    for client in ["rdkafka", "rskafka"] {
        let after_name = lock.split(&format!("name = \"{client}\"\nversion = \"")).nth(1);
        let version =
            after_name.and_then(|rest| rest.split('"').next()).expect("the client is in Cargo.lock");
        println!("cargo::rustc-env={}_VERSION={version}", client.to_uppercase());
    }
}
