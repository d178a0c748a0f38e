//! What goes wrong on purpose costs requests, and no posts: each fault alone, and all together.

use cotag::source::sandbox::Fault;

use crate::bench::{Bench, faulty};

#[test]
fn every_fault_alone_and_all_together_cost_requests_but_no_posts() {
    let requests = |window: &str| {
        let bench = Bench::new(&faulty(&[]));
        bench.download(window).expect(0);
        bench.requests()
    };
    let clean = requests("");
    // Searches of up to four days, which is what one of the faults leaves, need more pages.
    let short_windows = requests("--window 4").max(clean);
    let alone = Fault::ALL.iter().map(|&fault| vec![fault]);
    let sets: Vec<Vec<Fault>> = alone.chain([Fault::ALL.to_vec()]).collect();
    // Three at a time: most of a run's time is spent waiting for the disk.
    std::thread::scope(|scope| {
        for third in sets.chunks(sets.len().div_ceil(3)) {
            scope.spawn(move || {
                for faults in third {
                    survives(faults, clean, short_windows - clean);
                }
            });
        }
    });
}

fn survives(faults: &[Fault], clean: u64, short_windows: u64) {
    let bench = Bench::new(&faulty(faults));
    let outcome = bench.download("");
    let names: Vec<&str> = faults.iter().map(|fault| fault.name()).collect();
    assert_eq!(outcome.code, Some(0), "{names:?}\n{}", outcome.err);
    bench.assert_complete();
    let requests = bench.requests();
    let mut own: u64 = bench.server.cost_of_faults().values().sum();
    if faults.contains(&Fault::Html504) {
        own += short_windows;
    }
    let name = if names.len() == 1 { names[0] } else { "all" };
    println!(
        "| {name} | {clean} | {own} | {requests} | {}/{} |",
        bench.stored().len(),
        bench.truth().len()
    );
    assert!(
        requests * 10 <= clean * 13 + own * 10,
        "{names:?}: {requests} requests, {own} because of the faults, {clean} without any"
    );
    bench.assert_no_secret(&outcome);
}
