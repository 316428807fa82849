//! Whatever is asked of whatever table: no request and no token is made up or lost.
//!
//! [`Host::run_each`] ends with an error where books or buckets do not balance, so a run that returns has
//! been checked; what is left to check here is that its sums are those of the requests.

use super::*;
use crate::run::RunError;
use kvrig_base::quantity::Rate;
use kvrig_base::random::Seed;
use kvrig_base::time::{Span, Time};
use kvrig_dynamo::capacity::ReadConsistency;
use kvrig_dynamo::partition::LimitMode;
use kvrig_dynamo::retry::RetryPolicy;
use kvrig_dynamo::scaling::TargetTracking;
use kvrig_workloads::{Arrivals, Pacing, RateProfile};
use proptest::prelude::*;
use std::collections::BTreeSet;

/// A table with room for little, so that everything that can refuse does.
fn rules() -> impl Strategy<Value = TableRules> {
    let generation = prop::sample::select(vec![
        Generation::Static2012,
        Generation::Adaptive2017,
        Generation::Adaptive2019,
        Generation::Global2022,
    ]);
    let capacity = prop_oneof![
        4 => (1_u64..3_000, 1_u64..3_000)
            .prop_map(|(read, write)| Capacity::Provisioned { read, write }),
        1 => Just(Capacity::OnDemand),
    ];
    let node = prop::option::of(
        (1_u32..3, 1_u64..500).prop_map(|(partitions, units)| NodeRule {
            partitions,
            write: units,
            read: units,
        }),
    );
    let scaling = prop::option::of(Just(AutoScaling {
        target: TargetTracking {
            target_percent: 70,
            min: 1,
            max: 10_000,
        },
        alarm: Delay::fixed(Span::from_secs(20)),
        update: Delay::fixed(Span::from_secs(20)),
    }));
    (
        (generation, capacity, 1_u32..5, 1_u32..9),
        (node, scaling, 0_u64..90, any::<bool>(), any::<bool>()),
    )
        .prop_map(|((generation, capacity, partitions, routers), others)| {
            let (node, scaling, delay, is_combined, has_local_index) = others;
            // Shares of partitions do not follow a change of the table's capacity here.
            let is_scaled = capacity != Capacity::OnDemand && !generation.divides();
            let rules = TableRules {
                limits: match is_combined {
                    true => LimitMode::LinearCombination,
                    false => LimitMode::Independent,
                },
                routers,
                node,
                reaction: Delay::fixed(Span::from_secs(delay)),
                auto_scaling: scaling.filter(|_| is_scaled),
                ..TableRules::new(generation, capacity, partitions)
            };
            let rules = rules.splitting_after(Delay::fixed(Span::from_secs(delay)));
            match has_local_index {
                true => rules.with_local_index(),
                false => rules,
            }
        })
}

fn demand() -> impl Strategy<Value = Demand> {
    let consistency = prop::sample::select(vec![
        ReadConsistency::Eventual,
        ReadConsistency::Strong,
        ReadConsistency::Transactional,
    ]);
    prop_oneof![
        (0_u64..20_000).prop_map(|bytes| Demand::Write { bytes }),
        (0_u64..20_000, consistency)
            .prop_map(|(bytes, consistency)| Demand::Read { bytes, consistency }),
    ]
}

fn retrying() -> impl Strategy<Value = Retrying> {
    let policy = prop::sample::select(vec![
        RetryPolicy::NEVER,
        RetryPolicy::STANDARD,
        RetryPolicy::LEGACY,
    ]);
    (policy, 1_u32..20, any::<bool>()).prop_map(|(policy, clients, has_quota)| Retrying {
        policy,
        clients,
        has_quota,
    })
}

/// Poisson arrivals to a few collections, the first of which are as popular as the hottest keys are.
fn load(demand: Demand, sorting: Sorting, rate: u64, collections: u32) -> Spread {
    let profile = RateProfile::constant(Rate::per_second(rate)).unwrap();
    Spread {
        starts: Arrivals::new(Pacing::Poisson, profile, Seed(5).stream("arrivals"), 0),
        collections,
        sorting,
        demand,
        draws: Seed(5).stream("draws"),
        index: 0,
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn requests_and_tokens_are_conserved_under_every_generation(
        table in rules(),
        index in prop::option::of(rules()),
        retrying in retrying(),
        (one, other) in (demand(), demand()),
        sorting in prop::sample::select(vec![Sorting::Random, Sorting::Increasing, Sorting::Single]),
        (rate, collections, secs) in (1_u64..1_500, 1_u32..6, 1_u64..240),
    ) {
        let index = index.map(|index| TableRules { auto_scaling: None, ..index });
        let duration = Span::from_secs(secs);
        let scene = Scene { table, index, retrying, duration };
        let both = || Merged::new(
            load(one, sorting, rate, collections),
            load(other, Sorting::Random, rate.div_ceil(3), collections),
        ).map(|request| Request {
            index: matches!(request.demand, Demand::Write { .. }).then_some(request.place),
            ..request
        });
        let places = || spread_places(collections, Seed(5).stream("places"));
        let counted: BTreeSet<Collection> = (0..collections).map(Collection).collect();
        let host = Host::new(scene, places(), Some(places()), &counted, Seed(9)).unwrap();
        let failed = |error: RunError| TestCaseError::fail(error.to_string());
        let recorded = host.run_each(both(), &|| false).map_err(failed)?;

        let end = Time::START + duration;
        let offered = both().take_while(|request| request.at < end).count() as u64;
        let books = recorded.books;
        prop_assert_eq!(books.offered, offered);
        prop_assert_eq!(offered, books.served + books.failed + books.waiting);
        prop_assert_eq!(books.attempts, books.served + books.throttled());
        let sum = |of: fn(&KeyCount) -> u64| recorded.keys.iter().map(of).sum::<u64>();
        prop_assert_eq!(sum(|key| key.offered), offered);
        prop_assert_eq!(sum(|key| key.attempts), books.attempts);
        prop_assert_eq!(sum(|key| key.throttled), books.throttled());
        // Of every partition there ever was: three replicas and writes; of every table the rest.
        prop_assert!(recorded.buckets >= 4 * u64::from(recorded.partitions));
    }
}
