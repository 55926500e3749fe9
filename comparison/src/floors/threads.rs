//! Many threads that look up at the same time, and one that looks up while another changes the vault
//! continuously.

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Barrier, OnceLock};
use std::thread;
use std::time::{Duration, Instant};

use aumbry::{ExposeSecret, RecordChange};

use super::at_size::AtSize;
use super::lookup::Scene;
use crate::child::{begin, check, note};
use crate::goals::Limit;
use crate::records::{Dice, name};
use crate::result::Result;
use crate::tables::{number, table, times};

const TIME: Duration = Duration::from_millis(60);
const THREADS: [usize; 3] = [1, 2, 8];
/// Two threads must do twice the work of one, minus the noise.
const TWO: f64 = 1.8;
const EIGHT: f64 = 0.9;

/// What looks up: the step, its name in the report, whether it is aumbry.
const SUBJECTS: [(&str, &str, bool); 4] = [
    ("find", "`find`", true),
    ("get", "`get_credentials`", true),
    ("floor-find", "table and snapshot", false),
    ("floor-get", "table, snapshot, opening, scrub", false),
];

pub fn child(size: usize, rounds: usize, folder: &Path) -> Result<()> {
    let scene = Scene::new(size, folder)?;
    begin("looking up in threads");
    let mut right = true;
    for _ in 0..rounds {
        let all: [&(dyn Fn(&str) -> bool + Sync); 4] =
            [&|name| scene.finds(name), &|name| scene.gets(name), &|name| scene.floor_finds(name), &|name| {
                scene.floor_opens(name)
            }];
        for ((step, _, _), look_up) in SUBJECTS.iter().zip(all) {
            // Fills both cores' caches and brings the cores to their clock speed under load.
            right &= throughput(2, &scene.known, look_up).1;
            for threads in THREADS {
                let (rate, found) = throughput(threads, &scene.known, look_up);
                note(&format!("{step}-{threads}"), rate);
                right &= found;
            }
        }
        right &= during_edits(&scene, size)?;
    }
    check("every thread found every name", right);
    Ok(())
}

/// Returns the look-ups per second of all threads together, and whether all names were found. The time is
/// measured from the start of the first thread to the end of the last.
fn throughput(threads: usize, names: &[String], look_up: &(dyn Fn(&str) -> bool + Sync)) -> (f64, bool) {
    const AT_ONCE: usize = 64;
    let (start_line, start) = (Barrier::new(threads), OnceLock::new());
    let work = |thread: usize| {
        let mut parts = names.chunks_exact(AT_ONCE).cycle().skip(names.len() / AT_ONCE / threads * thread);
        parts.next(); // goes to the first part
        start_line.wait();
        let start = start.get_or_init(Instant::now);
        let (mut done, mut found) = (0, 0);
        while start.elapsed() < TIME {
            let part = parts.next().unwrap_or_default();
            found += part.iter().filter(|name| look_up(name)).count();
            done += part.len();
        }
        (done, found)
    };
    let done = thread::scope(|scope| {
        let running: Vec<_> = (0..threads).map(|thread| scope.spawn(move || work(thread))).collect();
        running.into_iter().try_fold((0, true), |(sum, right), thread| {
            let (done, found) = thread.join().ok()?;
            Some((sum + done, right && done == found))
        })
    });
    let elapsed = start.get().map_or(f64::NAN, |start| start.elapsed().as_secs_f64());
    done.map_or((f64::NAN, false), |(done, right)| (done as f64 / elapsed, right))
}

/// One thread looks up; another saves one change after another. Returns whether all results were correct.
fn during_edits(scene: &Scene, size: usize) -> Result<bool> {
    let stop = AtomicBool::new(false);
    let changed = name(size / 2);
    let edit = || -> Result<(usize, bool)> {
        let (mut dice, mut edits, mut right) = (Dice(1), 0, true);
        while !stop.load(Ordering::Relaxed) {
            let secret = dice.secret();
            let change = RecordChange::new().secret_access_key(secret.to_string());
            scene.vault.edit(|edit| edit.change(&changed, &change))?;
            edits += 1;
            let now = scene.vault.get_credentials(&changed)?;
            right &= now.is_some_and(|now| *now.secret_access_key().expose_secret() == **secret);
        }
        Ok((edits, right))
    };
    thread::scope(|scope| {
        let editing = scope.spawn(|| edit().map_err(|error| error.to_string()));
        let (finds, found) = throughput(1, &scene.known, &|name| scene.finds(name));
        let (gets, got) = throughput(1, &scene.known, &|name| scene.gets(name));
        stop.store(true, Ordering::Relaxed);
        let (edits, right) = editing.join().map_err(|_| "the editing thread panicked")??;
        note("find-edits", finds);
        note("get-edits", gets);
        note("edits", edits as f64 / (TIME * 2).as_secs_f64());
        Ok(found && got && right && edits > 0)
    })
}

pub fn goals(all: &[AtSize]) -> String {
    let mut text = String::new();
    for one in all {
        for (step, what, _) in SUBJECTS.iter().filter(|subject| subject.2) {
            let ratio =
                |threads: usize, of: usize| one.ratio(&format!("{step}-{threads}"), &format!("{step}-{of}"));
            let among = format!("{what} among {} records", number(one.size));
            for (threads, of, least, than) in
                [(2, 1, TWO, "one's (twice, less 10 %)"), (8, 2, EIGHT, "two's")]
            {
                let Some(seen) = ratio(threads, of) else { continue };
                let what = format!("{threads} threads, {among}");
                text += &Limit::AtLeast(least).line(&what, than, seen);
            }
        }
    }
    text
}

pub fn tables(all: &[AtSize]) -> String {
    let titles = [
        "records",
        "looks up",
        "two threads: x one",
        "eight: x two",
        "during edits: x without",
        "one thread",
    ];
    let mut rows = vec![titles.map(str::to_owned).to_vec()];
    for one in all.iter().filter(|one| one.median("find-1").is_some()) {
        for (step, what, is_aumbry) in SUBJECTS {
            let of = |what: &str| format!("{step}-{what}");
            let edits = || {
                let ratio = one.ratio(&of("edits"), &of("1")).map(times)?;
                Some(format!("{ratio} ({:.0} edits/s)", one.median("edits")?))
            };
            rows.push(vec![
                number(one.size),
                what.to_owned(),
                one.shown_ratio(&of("2"), &of("1")),
                one.shown_ratio(&of("8"), &of("2")),
                edits().filter(|_| is_aumbry).unwrap_or_else(|| String::from("–")),
                one.shown(&of("1"), |rate| format!("{:.2} M/s", rate / 1e6)),
            ]);
        }
    }
    format!(
        "\n## Look-up by many threads\n\n\
         Look-ups a second of all threads together, on the number of cores given at the top. The floor takes its snapshot by \
         counting up one number that all threads share, and they wait for each other there; aumbry counts in several \
         places. During edits one \
         thread looks up while another saves one changed record after the other in memory.\n\n{}",
        table(&rows)
    )
}
