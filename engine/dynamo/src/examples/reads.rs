//! Read units of items, pages and transactions.

use super::rig::{batch_get, get, index_query, never, query, query_with, scan_with, transact_get};
use super::{WorkedExample, examples};
use crate::capacity::ReadConsistency::{Eventual, Strong, Transactional};
use crate::capacity::ReadUnits;
use crate::table::{ReadOptions, Select};

const OPERATIONS: &str = "AWS Developer Guide, DynamoDB read and write operations";
const MODE: &str = "AWS Developer Guide, Provisioned capacity mode";

/// Units as text with their name.
fn rcu(units: ReadUnits) -> String {
    format!("{units} RCU")
}

/// Units per second for `times` such reads per second.
fn per_second(units: ReadUnits, times: u64) -> String {
    rcu(ReadUnits::from_halves(units.halves() * times))
}

examples! { ITEMS, OPERATIONS;
    "GetItem of 3.5 KB, strong" => "1 RCU": rcu(get(3_584, Strong));
    "GetItem of 3.5 KB, eventual" => "0.5 RCU": rcu(get(3_584, Eventual));
    "GetItem of 10 KB, strong" => "3 RCU": rcu(get(10_240, Strong));
    "GetItem of 4 KB, strong" => "1 RCU": rcu(get(4_096, Strong));
    "GetItem of 4 KB and a byte, strong" => "2 RCU": rcu(get(4_097, Strong));
    "GetItem of 8 KB, strong" => "2 RCU": rcu(get(8_192, Strong));
    "GetItem of 8 KB, eventual" => "1 RCU": rcu(get(8_192, Eventual));
    "read of 8 KB, transactional" => "4 RCU": rcu(get(8_192, Transactional));
    "GetItem of a missing item, strong" => "1 RCU": rcu(get(0, Strong));
    "GetItem of a missing item, eventual" => "0.5 RCU": rcu(get(0, Eventual));
    "BatchGetItem of 1.5 KB and 6.5 KB, each rounded, strong" => "3 RCU":
        rcu(batch_get(&[1_536, 6_656], Strong));
    "BatchGetItem of 1.5 KB and 6.5 KB, eventual" => "1.5 RCU":
        rcu(batch_get(&[1_536, 6_656], Eventual));
}

examples! { PAGES, OPERATIONS;
    "Query of 10 items of 40.8 KB in all, summed and then rounded, strong" => "11 RCU":
        rcu(query(&[4_178; 10], Strong));
    "Query of 1,500 items of 64 B, strong" => "24 RCU": rcu(query(&[64; 1_500], Strong));
    "Query of 80 KB in all, eventual" => "10 RCU": rcu(query(&[8_192; 10], Eventual));
    "Query of nothing, eventual" => "0.5 RCU": rcu(query(&[], Eventual));
    "Query for the number of items alone" => "11 RCU": rcu(query_with(
        &[4_178; 10],
        ReadOptions { consistency: Strong, select: Select::Count, ..ReadOptions::default() },
    ));
    "Query for one attribute of each item" => "11 RCU": rcu(query_with(
        &[4_178; 10],
        ReadOptions {
            consistency: Strong,
            select: Select::Specific(vec!["sk".into()]),
            ..ReadOptions::default()
        },
    ));
    "Scan whose filter leaves nothing" => "11 RCU, 0 items": {
        let options = ReadOptions {
            consistency: Strong,
            filter: Some(never()),
            ..ReadOptions::default()
        };
        let (units, count) = scan_with(&[4_178; 10], options);
        format!("{}, {count} items", rcu(units))
    };
    "Query of a global index, 8 entries of 2,000 B" => "2 RCU": rcu(index_query(8, 2_000));
}

examples! { PROVISIONED, MODE;
    "80 strong reads of 3 KB per second" => "80 RCU": per_second(get(3_072, Strong), 80);
    "80 eventual reads of 3 KB per second" => "40 RCU": per_second(get(3_072, Eventual), 80);
    "strong read of a hot item of 20 KB" => "5 RCU": rcu(get(20_480, Strong));
}

examples! { TRANSACTIONS, "AWS Developer Guide, Amazon DynamoDB Transactions, capacity management";
    "3 transactional reads of 500 B per second" => "6 RCU": per_second(transact_get(&[500]), 3);
    "transactional read of three items of 500 B" => "6 RCU": rcu(transact_get(&[500; 3]));
    "transactional read of a missing item" => "2 RCU": rcu(transact_get(&[]));
}
