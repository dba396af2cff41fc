//! The faults.

use std::process::Command;
use std::time::{Duration, Instant};

use tokio::time::sleep;

use crate::load::Kind;
use crate::site::{Case, Mode, PATIENCE, Row, Site, run};
use crate::support::batches::{Batch, produce};
use crate::support::{QuestDbServer, Trouble, Wire, until};

const NOT_ENOUGH_REPLICAS: i16 = 19;
const PRODUCE: i16 = 9;

/// How much of it is tried.
#[derive(Clone, Copy, Debug)]
pub struct Extent {
    pub quick: bool,
    /// For how long QuestDB is away, where it is for a while.
    pub away: Duration,
}

impl Extent {
    fn times(self, quick: u32, full: u32) -> u32 {
        if self.quick { quick } else { full }
    }
}

/// All of them: a name, whether it is one of the quick ones, and what it does with a table of this name.
pub const NAMES: &[(&str, bool)] = &[
    ("kill-gateway", true),
    ("restart-gateway", true),
    ("kill-questdb", true),
    ("stop-questdb", true),
    ("kill-both", true),
    ("questdb-away", true),
    ("spool-taken-away", true),
    ("cut-request", true),
    ("cut-after-request", true),
    ("swallow-reply", true),
    ("delay-reply", true),
    ("lost-acks", true),
    ("spool-full", true),
    ("second-gateway", true),
    ("drop-table", true),
    ("alter-table", true),
    ("suspend-table", false),
    ("disk-full", false),
    ("clock", false),
];

/// Runs one of them in every mode that is tried.
pub async fn rows(name: &str, questdb: &mut QuestDbServer, extent: Extent) -> Vec<Row> {
    let mut rows = Vec::new();
    let modes = modes(name, extent.quick);
    for (number, &mode) in modes.iter().enumerate() {
        let table = format!("{}_{number}", name.replace('-', "_"));
        let row = match name {
            "kill-gateway" => kill_gateway(questdb, &table, mode, extent).await,
            "restart-gateway" => restart_gateway(questdb, &table, mode, extent).await,
            "kill-questdb" => kill_questdb(questdb, &table, mode, extent).await,
            "stop-questdb" => stop_questdb(questdb, &table, mode, extent).await,
            "kill-both" => kill_both(questdb, &table, mode, extent).await,
            "questdb-away" => questdb_away(questdb, &table, mode, extent).await,
            "spool-taken-away" => spool_taken_away(questdb, &table).await,
            "cut-request" => network(questdb, &table, mode, extent, Trouble::CutRequest).await,
            "cut-after-request" => network(questdb, &table, mode, extent, Trouble::CutAfterRequest).await,
            "swallow-reply" => network(questdb, &table, mode, extent, Trouble::SwallowReply).await,
            "delay-reply" => network(questdb, &table, mode, extent, Trouble::DelayReply(LATE)).await,
            "lost-acks" => lost_acks(questdb, &table, mode, extent).await,
            "spool-full" => spool_full(questdb, &table, mode).await,
            "second-gateway" => second_gateway(questdb, &table, mode).await,
            "drop-table" => drop_table(questdb, &table, mode, extent).await,
            "alter-table" => alter_table(questdb, &table, mode, extent).await,
            "suspend-table" => suspend_table(questdb, &table, mode, extent).await,
            "disk-full" => disk_full(questdb, &table, mode).await,
            "clock" => clock(questdb, &table, mode, extent).await,
            _ => panic!("there is no fault `{name}`"),
        };
        println!("  {row:?}");
        rows.push(row);
    }
    rows
}

fn modes(name: &str, quick: bool) -> &'static [Mode] {
    use Mode::{Direct, DirectKept, ExactlyOnce, Overflow, Spool};
    match (name, quick) {
        ("kill-gateway", true) => &[DirectKept, ExactlyOnce, Spool],
        ("kill-gateway", false) => &[Direct, DirectKept, ExactlyOnce, Overflow, Spool],
        ("kill-both", false) => &[DirectKept, ExactlyOnce, Overflow, Spool],
        ("restart-gateway", false) => &[DirectKept, Overflow, Spool],
        ("kill-questdb" | "stop-questdb", false) => &[Direct, ExactlyOnce, Overflow, Spool],
        ("kill-both" | "questdb-away" | "spool-full" | "spool-taken-away" | "disk-full", true) => &[Spool],
        ("spool-taken-away" | "disk-full", _) => &[Spool],
        ("questdb-away" | "spool-full", false) => &[Overflow, Spool],
        ("cut-request" | "cut-after-request" | "swallow-reply", true) => &[Direct, ExactlyOnce],
        ("cut-request" | "cut-after-request" | "swallow-reply" | "delay-reply", false) => {
            &[Direct, ExactlyOnce, Overflow, Spool]
        }
        ("lost-acks", false) => &[Direct, Overflow, Spool],
        ("second-gateway", _) => &[DirectKept],
        ("suspend-table", _) => &[Direct, Overflow, Spool],
        ("clock", _) => &[DirectKept, Spool],
        _ => &[Direct],
    }
}

async fn kill_gateway(questdb: &mut QuestDbServer, table: &str, mode: Mode, extent: Extent) -> Row {
    let how = "SIGKILL, started again at once";
    let case = Case::new("gateway killed under load", how, mode, extent.times(3, 20)).hasty();
    run(questdb, table, case, async |site| {
        site.gateway.kill();
        site.control_is_harmed().await;
        site.gateway.restart().await;
    })
    .await
}

async fn restart_gateway(questdb: &mut QuestDbServer, table: &str, mode: Mode, extent: Extent) -> Row {
    let how = "SIGTERM, started again; producers' connections stay open until then";
    let case = Case::new("gateway restarted under load", how, mode, extent.times(2, 10)).hasty();
    let row = run(questdb, table, case, async |site| {
        let status = site.gateway.terminate().await;
        assert!(status.success(), "{status}:\n{}", site.gateway.log());
        site.control_is_harmed().await;
        site.gateway.restart().await;
    })
    .await;
    assert_eq!(row.doubled, 0, "a clean end answers all that is in flight");
    row
}

async fn kill_questdb(questdb: &mut QuestDbServer, table: &str, mode: Mode, extent: Extent) -> Row {
    let case = Case::new("QuestDB killed under load", "SIGKILL, started again", mode, extent.times(1, 5));
    run(questdb, table, if mode.spools() { case } else { case.hasty() }, async |site| {
        site.questdb.kill();
        site.control_is_harmed().await;
        site.questdb.restart().await;
    })
    .await
}

async fn stop_questdb(questdb: &mut QuestDbServer, table: &str, mode: Mode, extent: Extent) -> Row {
    let how = "SIGSTOP until a producer with a patience of 1 s gives up, then SIGCONT";
    let case = Case::new("QuestDB stands still", how, mode, extent.times(1, 3));
    run(questdb, table, if mode.spools() { case } else { case.hasty() }, async |site| {
        site.questdb.pause();
        if site.control.is_some() {
            site.control_is_harmed().await;
        } else {
            // Producers go on: what comes is spooled.
            site.load.progress(200, PATIENCE).await;
        }
        site.questdb.resume();
    })
    .await
}

async fn kill_both(questdb: &mut QuestDbServer, table: &str, mode: Mode, extent: Extent) -> Row {
    let how = "SIGKILL of both, both started again";
    let case = Case::new("gateway and QuestDB killed", how, mode, extent.times(1, 5)).hasty();
    run(questdb, table, case, async |site| {
        site.questdb.kill();
        site.gateway.kill();
        site.control_is_harmed().await;
        // With requests in doubt it does not listen before QuestDB has answered what became of them.
        if mode == Mode::ExactlyOnce {
            site.questdb.restart().await;
            site.gateway.restart().await;
        } else {
            site.gateway.restart().await;
            site.questdb.restart().await;
        }
    })
    .await
}

async fn questdb_away(questdb: &mut QuestDbServer, table: &str, mode: Mode, extent: Extent) -> Row {
    let how = "SIGKILL, started again later; producers have to get on all the time";
    let mut case = Case::new("QuestDB away for a while", how, mode, 1);
    case.pace = Some(Duration::from_millis(50));
    // For a long time once is enough.
    let away = if mode == Mode::Overflow { extent.away / 10 } else { extent.away };
    run(questdb, table, case, async |site| {
        site.questdb.kill();
        let before: i32 = site.load.acked().iter().sum();
        let (since, mut all_get_on) = (Instant::now(), 0);
        // Producers have to get on all the time, not only in the end.
        while since.elapsed() < away {
            site.load.progress(20, PATIENCE).await;
            all_get_on += 1;
            sleep(Duration::from_secs(1)).await;
        }
        let taken = site.load.acked().iter().sum::<i32>() - before;
        let spooled = site.gateway.sample("quafka_spool_batches").await;
        assert!(all_get_on > 1 && spooled > 0);
        site.notes.push(format!("{taken} rows taken in {} s without QuestDB", away.as_secs()));
        site.questdb.restart().await;
    })
    .await
}

/// A control by itself: it is the spool that holds what is acknowledged while QuestDB is away.
async fn spool_taken_away(questdb: &mut QuestDbServer, table: &str) -> Row {
    let how = "QuestDB and then the gateway killed, the spool's files deleted, both started again: has to lose rows";
    let case = Case::new("control of the spool", how, Mode::Spool, 1);
    let mut site = Site::start(questdb, &case, table).await;
    site.load.progress(2_000, PATIENCE).await;
    site.questdb.kill();
    site.load.progress(2_000, PATIENCE).await;
    assert!(site.gateway.sample("quafka_spool_batches").await > 0);
    site.gateway.kill();
    std::fs::remove_dir_all(site.folder().join("data/spool")).unwrap();
    site.questdb.restart().await;
    site.gateway.restart().await;
    let recovery = site.recovered().await;
    site.lost_as_it_had_to(&case, recovery).await
}

const LATE: Duration = Duration::from_secs(3);

async fn network(
    questdb: &mut QuestDbServer,
    table: &str,
    mode: Mode,
    extent: Extent,
    trouble: Trouble,
) -> Row {
    let (fault, how, is_written) = match trouble {
        Trouble::CutRequest => (
            "connection to QuestDB cut",
            "a proxy lets half of every 10th request through and hangs up",
            false,
        ),
        Trouble::CutAfterRequest => {
            ("connection to QuestDB cut", "a proxy hangs up behind every 10th request", false)
        }
        Trouble::SwallowReply => {
            ("reply of QuestDB lost", "a proxy hangs up instead of every 10th request's reply", true)
        }
        Trouble::DelayReply(_) => ("reply of QuestDB late", "a proxy holds every 10th reply for 3 s", true),
    };
    let mut case = Case::new(fault, how, mode, extent.times(10, 100));
    case.before_questdb = true;
    if !is_written && !mode.spools() {
        case = case.hasty();
    }
    let runs = u64::from(case.runs);
    case.runs = 1;
    if let Trouble::DelayReply(_) = trouble {
        // Fewer: each takes its time.
        return troubled(questdb, table, case, trouble, runs / 10 + 2).await;
    }
    let row = troubled(questdb, table, case, trouble, runs).await;
    if mode == Mode::Direct && trouble == Trouble::SwallowReply {
        // Else nothing was swallowed, and the fault was none.
        assert!(row.doubled > 0, "no batch was sent again whose first attempt was written: {row:?}");
    }
    row
}

async fn troubled(questdb: &mut QuestDbServer, table: &str, case: Case, trouble: Trouble, times: u64) -> Row {
    let mut row = run(questdb, table, case, async |site| {
        let proxy = site.proxy.as_ref().unwrap();
        proxy.trouble(Some((trouble, 10)));
        until("it has happened often enough", PATIENCE, async || proxy.troubled() >= times).await;
        proxy.trouble(None);
    })
    .await;
    row.runs = times as u32;
    row
}

async fn lost_acks(questdb: &mut QuestDbServer, table: &str, mode: Mode, extent: Extent) -> Row {
    let how = "a proxy before the gateway hangs up instead of every 10th request's reply";
    let mut case = Case::new("acknowledgement lost", how, mode, 1);
    (case.before_gateway, case.control) = (true, Some(Kind::Plain));
    let row = troubled(questdb, table, case, Trouble::SwallowReply, extent.times(20, 200).into()).await;
    assert_eq!(row.doubled, 0, "an idempotent producer's batch is known when it comes again");
    row
}

async fn spool_full(questdb: &mut QuestDbServer, table: &str, mode: Mode) -> Row {
    let how = "`spool.bytes` of 16 MiB and no QuestDB until batches are refused";
    let mut case = Case::new("spool full", how, mode, 1).hasty();
    case.config = "[spool]\nbytes = \"16MiB\"\nsegment_bytes = \"2MiB\"\n";
    // Two batches of one window take more than a file.
    case.padding = 10_000;
    run(questdb, table, case, async |site| {
        site.questdb.kill();
        until("the spool is full", PATIENCE, async || {
            site.gateway.sample("quafka_spool_append_failures_total").await > 0
        })
        .await;
        site.control_is_harmed().await;
        site.questdb.restart().await;
    })
    .await
}

async fn second_gateway(questdb: &mut QuestDbServer, table: &str, mode: Mode) -> Row {
    let how = "another `quafka serve` with the same `data_dir`: refused";
    let case = Case::new("second gateway on the same folder", how, mode, 1);
    run(questdb, table, case, async |site| {
        let serve = |data_dir: &str| {
            let mut command = Command::new(env!("CARGO_BIN_EXE_quafka"));
            let nowhere = "127.0.0.1:0";
            command.args(["serve", "--listen", nowhere, "--admin", nowhere, "--data-dir", data_dir]);
            command.args(["--questdb", &site.questdb.http_conf()]);
            let log = site.folder().join("second.log");
            (quafka::demo::child::OwnedChild::spawn(&mut command, &log, None).unwrap(), log)
        };
        let (mut second, log) = serve(&site.folder().join("data").display().to_string());
        let mut status = None;
        until("it has ended", PATIENCE, async || {
            status = second.try_wait().unwrap();
            status.is_some()
        })
        .await;
        let told = std::fs::read_to_string(&log).unwrap();
        assert!(!status.unwrap().success() && told.contains("another quafka uses this folder"), "{told}");
        let (mut other, log) = serve(&site.folder().join("other").display().to_string());
        until("one with a folder of its own listens", PATIENCE, async || {
            std::fs::read_to_string(&log).unwrap().contains("is listening")
        })
        .await;
        other.kill().unwrap();
        site.notes.push("with a folder of its own it starts".to_owned());
    })
    .await
}

async fn drop_table(questdb: &mut QuestDbServer, table: &str, mode: Mode, extent: Extent) -> Row {
    let how = "RENAME TABLE, then DROP TABLE of that; what was sent after it has to be in the new one";
    let case = Case::new("table dropped under load", how, mode, extent.times(2, 10));
    run(questdb, table, case, async |site| {
        // Without the new name QuestDB takes the next request on every connection for the table that is gone, says
        // that it has committed it, and has not.
        site.questdb.sql(&format!("RENAME TABLE {0} TO {0}_old", site.table)).await;
        site.questdb.sql(&format!("DROP TABLE {}_old", site.table)).await;
        // Five batches of each were under way at most. What became of those nobody can say.
        let from = site.load.acked().into_iter().map(|acked| acked + 100).collect();
        site.from = from;
    })
    .await
}

async fn alter_table(questdb: &mut QuestDbServer, table: &str, mode: Mode, extent: Extent) -> Row {
    let how = "a column added, retyped, renamed, dropped, in turn";
    let case = Case::new("table altered under load", how, mode, extent.times(4, 20));
    let mut turn = 0;
    run(questdb, table, case, async |site| {
        let change = match turn % 4 {
            0 => "ADD COLUMN extra DOUBLE",
            1 => "ALTER COLUMN v TYPE DOUBLE",
            2 => "RENAME COLUMN extra TO other",
            _ => "DROP COLUMN other",
        };
        site.questdb.sql(&format!("ALTER TABLE {} {change}", site.table)).await;
        if turn % 4 == 1 {
            site.load.progress(200, PATIENCE).await;
            site.questdb.sql(&format!("ALTER TABLE {} ALTER COLUMN v TYPE LONG", site.table)).await;
        }
        turn += 1;
    })
    .await
}

async fn suspend_table(questdb: &mut QuestDbServer, table: &str, mode: Mode, extent: Extent) -> Row {
    let how = "ALTER TABLE … SUSPEND WAL until the alarm, then RESUME WAL";
    let case = Case::new("table suspended by QuestDB", how, mode, extent.times(1, 2));
    run(questdb, table, if mode.spools() { case } else { case.hasty() }, async |site| {
        let control = format!("{}_hasty", site.table);
        let mut tables = vec![site.table.as_str()];
        tables.extend(site.control.is_some().then_some(control.as_str()));
        let mut suspended = Instant::now();
        until("there is an alarm for each of them", PATIENCE, async || {
            if suspend(site.questdb, &tables).await {
                suspended = Instant::now();
            }
            site.gateway.sample("quafka_suspended_tables").await == tables.len() as u64
        })
        .await;
        let alarm = suspended.elapsed();
        assert!(alarm < Duration::from_secs(30), "{alarm:?}");
        let log = site.gateway.log();
        assert!(log.contains(&format!("ALTER TABLE \"{}\" RESUME WAL", site.table)), "{log}");
        site.notes.push(format!("alarm after {:.0} s", alarm.as_secs_f64()));
        if mode.spools() {
            // What comes waits in the spool.
            site.load.progress(200, PATIENCE).await;
        } else {
            let mut wire = Wire::connect(site.gateway.bootstrap()).await;
            let probe = produce(&site.table, 7, Batch::of([r#"{"p":-1}"#]).encode()).with_timeout_ms(1_000);
            let answer = wire.call(&probe, PRODUCE).await;
            assert_eq!(answer.responses[0].partition_responses[0].error_code, NOT_ENOUGH_REPLICAS);
            site.control_is_harmed().await;
        }
        for table in tables {
            site.questdb.sql(&format!("ALTER TABLE {table} RESUME WAL")).await;
        }
    })
    .await
}

/// Suspends those that are not. Told to while it is applying, QuestDB takes the table for sound again when it has done
/// so, other than when it is the applying that fails. True: one was not.
async fn suspend(questdb: &QuestDbServer, tables: &[&str]) -> bool {
    let mut any = false;
    for table in tables {
        let state = questdb.sql(&format!("SELECT suspended FROM wal_tables() WHERE name = '{table}'")).await;
        if state[0][0] != true {
            any = true;
            questdb.sql(&format!("ALTER TABLE {table} SUSPEND WAL WITH 28, 'no space left'")).await;
        }
    }
    any
}

async fn disk_full(questdb: &mut QuestDbServer, table: &str, mode: Mode) -> Row {
    let how = "the data dir on a tmpfs of 24 MiB in a namespace of the gateway's own, and no QuestDB until batches are refused";
    let mut case = Case::new("disk full", how, mode, 1).hasty();
    case.config = "[spool]\nbytes = \"1GiB\"\nsegment_bytes = \"2MiB\"\n";
    case.padding = 10_000;
    let disk = tempfile::Builder::new().prefix("quafka-disk-").tempdir().unwrap();
    let mount = format!("mount -t tmpfs -o size=24m none {} && exec \"$@\"", disk.path().display());
    case.wrapper = ["unshare", "-rm", "sh", "-c", &mount, "sh"].map(str::to_owned).to_vec();
    case.data_dir = Some(disk.path().join("data"));
    run(questdb, table, case, async |site| {
        site.questdb.kill();
        until("the disk is full", PATIENCE, async || {
            site.gateway.sample("quafka_spool_append_failures_total").await > 0
        })
        .await;
        assert!(site.gateway.sample("quafka_spool_disk_bytes").await < 24 << 20);
        site.control_is_harmed().await;
        site.questdb.restart().await;
    })
    .await
}

async fn clock(questdb: &mut QuestDbServer, table: &str, mode: Mode, extent: Extent) -> Row {
    let how = "libfaketime: an hour back and forth while it runs, and back between two lives (SIGKILL)";
    let mut case = Case::new("the gateway's clock jumps", how, mode, extent.times(2, 6)).hasty();
    let library = ["/usr/lib/x86_64-linux-gnu", "/usr/lib/aarch64-linux-gnu", "/usr/lib64"]
        .map(|folder| format!("{folder}/faketime/libfaketime.so.1"))
        .into_iter()
        .find(|path| std::path::Path::new(path).exists())
        .expect("libfaketime is installed (Debian: apt-get install libfaketime)");
    let folder = tempfile::Builder::new().prefix("quafka-clock-").tempdir().unwrap();
    let file = folder.path().join("offset");
    let set = |offset: &str| {
        let temporary = folder.path().join("offset.tmp");
        std::fs::write(&temporary, offset).unwrap();
        std::fs::rename(&temporary, &file).unwrap();
    };
    set("+0h");
    case.wrapper = vec![
        "env".to_owned(),
        format!("LD_PRELOAD={library}"),
        format!("FAKETIME_TIMESTAMP_FILE={}", file.display()),
        "FAKETIME_NO_CACHE=1".to_owned(),
        "FAKETIME_DONT_FAKE_MONOTONIC=1".to_owned(),
    ];
    let mut turn = 0;
    run(questdb, table, case, async |site| {
        for offset in ["-1h", "+1h"] {
            set(offset);
            site.load.progress(500, PATIENCE).await;
        }
        // The next life starts two hours before this one.
        set(if turn % 2 == 0 { "-1h" } else { "+0h" });
        turn += 1;
        site.gateway.kill();
        site.control_is_harmed().await;
        site.gateway.restart().await;
    })
    .await
}
