//! How many instructions the way of a record takes, counted by valgrind's callgrind: nearly the same number on every
//! machine, however busy, so that CI can hold it to what it was.
//!
//! `cargo bench --bench instructions` compares with `benches/instructions.toml` and fails where a count is more than
//! 3 % away from it, in either direction. `-- --update` writes the file anew.

mod cases;

use std::collections::BTreeMap;
use std::error::Error;
use std::hint::black_box;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use cases::Case;
use cases::records::ROWS;
use clap::Parser;
use serde::{Deserialize, Serialize};

/// How far a count may be from the baseline, of it.
const TOLERANCE: f64 = 0.03;

/// Runs before those that count: what is allocated once has been by then.
const WARM_UP: usize = 3;
/// Runs that count.
const RUNS: usize = 10;

const HOW_TO_UPDATE: &str = "\
Where the change is meant, or the compiler is another one, write the file anew and commit it with the reason:
    cargo bench --bench instructions -- --update";

#[derive(Debug, Parser)]
struct Arguments {
    /// Only these cases
    #[arg(value_name = "CASE")]
    only: Vec<String>,
    /// Writes the counts to benches/instructions.toml instead of comparing them
    #[arg(long, conflicts_with = "only")]
    update: bool,
    /// Runs one case; for valgrind
    #[arg(long, hide = true)]
    run: Option<String>,
    /// Given by `cargo bench`
    #[arg(long, hide = true)]
    bench: bool,
}

/// The file with the counts.
#[derive(Debug, Deserialize, Serialize)]
struct Baseline {
    /// What the counts were made with: other code comes out of another compiler.
    compiler: String,
    architecture: String,
    /// Instructions a record.
    instructions: BTreeMap<String, f64>,
}

fn main() -> Result<ExitCode, Box<dyn Error>> {
    let arguments = Arguments::parse();
    let mut cases = cases::all();
    if let Some(name) = &arguments.run {
        let case = cases.iter_mut().find(|case| case.name == name.as_str()).ok_or("no such case")?;
        for _ in 0..WARM_UP {
            black_box(case.run());
        }
        counted(case);
        return Ok(ExitCode::SUCCESS);
    }
    if let Some(unknown) =
        arguments.only.iter().find(|name| cases.iter().all(|case| case.name != name.as_str()))
    {
        let names: Vec<_> = cases.iter().map(|case| case.name).collect();
        return Err(format!("no such case: {unknown}; there are {}", names.join(", ")).into());
    }
    cases.retain(|case| arguments.only.is_empty() || arguments.only.iter().any(|name| name == case.name));
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/instructions.toml");
    let counts = cases.iter().map(|case| Ok((case.name.to_owned(), count(case.name)?)));
    let counts = counts.collect::<Result<BTreeMap<_, _>, Box<dyn Error>>>()?;
    if arguments.update {
        let baseline = Baseline {
            compiler: compiler()?,
            architecture: std::env::consts::ARCH.to_owned(),
            instructions: counts,
        };
        let head = "# Instructions a record, by `cargo bench --bench instructions -- --update`.\n";
        std::fs::write(&file, head.to_owned() + &toml::to_string(&baseline)?)?;
        println!("wrote {}", file.display());
        return Ok(ExitCode::SUCCESS);
    }
    let text = std::fs::read_to_string(&file).map_err(|error| format!("{}: {error}", file.display()))?;
    compare(&cases, &counts, &toml::from_str(&text)?)
}

/// What valgrind counts: it is told this function's name.
#[inline(never)]
fn counted(case: &mut Case) {
    for _ in 0..RUNS {
        black_box(case.run());
    }
}

/// Instructions a record, with the case run in a process of its own.
fn count(name: &str) -> Result<f64, Box<dyn Error>> {
    let folder = tempfile::Builder::new().prefix("quafka-instructions-").tempdir()?;
    let out: PathBuf = folder.path().join("callgrind.out");
    let mut valgrind = Command::new("valgrind");
    valgrind
        .args(["--tool=callgrind", "--collect-atstart=no", "--toggle-collect=instructions::counted"])
        .arg(format!("--callgrind-out-file={}", out.display()))
        .arg(std::env::current_exe()?)
        .args(["--run", name])
        .current_dir(folder.path());
    let done = valgrind.output().map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => {
            "there is no valgrind on PATH: install it, on Debian with `apt install valgrind`".into()
        }
        _ => format!("valgrind: {error}"),
    })?;
    let said = String::from_utf8_lossy(&done.stderr);
    if !done.status.success() {
        return Err(format!("{name}: valgrind ended with {}:\n{said}", done.status).into());
    }
    let profile = std::fs::read_to_string(&out)?;
    let total =
        profile.lines().find_map(|line| line.strip_prefix("summary: ").or(line.strip_prefix("totals: ")));
    let total: u64 = total.ok_or("callgrind's file has no total")?.trim().parse()?;
    if total == 0 {
        return Err(
            format!("{name}: valgrind counted nothing, so it has not found the function:\n{said}").into()
        );
    }
    let per_record = total as f64 / (RUNS * ROWS) as f64;
    Ok((per_record * 10.0).round() / 10.0)
}

fn compare(
    cases: &[Case],
    counts: &BTreeMap<String, f64>,
    baseline: &Baseline,
) -> Result<ExitCode, Box<dyn Error>> {
    if baseline.architecture != std::env::consts::ARCH {
        let ours = std::env::consts::ARCH;
        return Err(format!("the baseline is for {}, and this is {ours}", baseline.architecture).into());
    }
    let mut failed = false;
    println!("instructions a record   baseline       now   change");
    for case in cases {
        let now = counts[case.name];
        let Some(before) = baseline.instructions.get(case.name) else {
            println!("{:<22} {:>9} {now:>9.1}           has no baseline", case.name, "-");
            failed = true;
            continue;
        };
        let change = now / before - 1.0;
        let verdict = match change.abs() <= TOLERANCE {
            true => "",
            false if change > 0.0 => "  MORE than the tolerance",
            false => "  LESS than the tolerance: keep it by writing the file anew",
        };
        failed |= change.abs() > TOLERANCE;
        println!("{:<22} {before:>9.1} {now:>9.1} {:>+7.1} %{verdict}", case.name, change * 100.0);
    }
    if !failed {
        return Ok(ExitCode::SUCCESS);
    }
    let compiler = compiler()?;
    if compiler != baseline.compiler {
        println!("The baseline was made with {}, and this is {compiler}.", baseline.compiler);
    }
    println!("{HOW_TO_UPDATE}");
    Ok(ExitCode::FAILURE)
}

fn compiler() -> io::Result<String> {
    let told = Command::new("rustc").arg("--version").output()?;
    Ok(String::from_utf8_lossy(&told.stdout).trim().to_owned())
}
