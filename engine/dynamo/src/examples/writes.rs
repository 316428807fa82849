//! Write units of items, transactions and indexes.

use super::rig::{
    batch_put, delete, failed_put, index_put, indexed_write, put_over, transact_mismatch,
    transact_put, update_over,
};
use super::{WorkedExample, examples};
use crate::capacity::{WriteMode, WriteUnits};
use crate::schema::Projection;

/// Units as text with their name.
fn wcu(units: WriteUnits) -> String {
    format!("{units} WCU")
}

/// Write units of the index where a small item changes so.
fn index_wcu(before: Option<&str>, after: Option<&str>, other: Option<&str>) -> String {
    let projection = Projection::Include(vec!["note".into()]);
    wcu(index_put(before, after, other, projection, 100))
}

examples! { ITEMS, "AWS Developer Guide, DynamoDB read and write operations";
    "PutItem of 1.6 KB" => "2 WCU": wcu(put_over(None, 1_638));
    "PutItem of 1 KB" => "1 WCU": wcu(put_over(None, 1_024));
    "PutItem of 1 KB and a byte" => "2 WCU": wcu(put_over(None, 1_025));
    "PutItem of 1 KB over 3.5 KB, by the larger" => "4 WCU": wcu(put_over(Some(3_584), 1_024));
    "UpdateItem from 1 KB to 3.5 KB, by the larger" => "4 WCU":
        wcu(update_over(Some(1_024), 3_584));
    "UpdateItem from 3.5 KB to 1 KB, by the larger" => "4 WCU":
        wcu(update_over(Some(3_584), 1_024));
    "DeleteItem of 1.6 KB" => "2 WCU": wcu(delete(Some(1_638)));
    "DeleteItem of a missing item" => "1 WCU": wcu(delete(None));
    "BatchWriteItem of 500 B and 3.5 KB, each rounded" => "5 WCU": wcu(batch_put(&[500, 3_584]));
}

examples! { CONDITIONS, "AWS Developer Guide, Provisioned capacity mode";
    "100 writes of 512 B per second" => "100 WCU":
        wcu(WriteUnits(put_over(None, 512).0 * 100));
    "failed condition, existing item of 1 KB" => "1 WCU": wcu(failed_put(Some(1_024), 1_024));
    "failed condition, existing item of 2 KB" => "2 WCU": wcu(failed_put(Some(2_048), 500));
    "failed condition, no existing item" => "1 WCU": wcu(failed_put(None, 5_000));
}

examples! { TRANSACTIONS, "AWS Developer Guide, Amazon DynamoDB Transactions, capacity management";
    "3 transactional writes of 500 B per second" => "6 WCU":
        wcu(WriteUnits(transact_put(&[500]).0.write.0 * 3));
    "transaction of three items of 500 B" => "6 WCU": wcu(transact_put(&[500; 3]).0.write);
    "transaction sent again with its token writes nothing" => "0 WCU":
        wcu(transact_put(&[500; 3]).1.write);
    "transaction sent again with its token is charged reads" => "6 RCU":
        format!("{} RCU", transact_put(&[500; 3]).1.read);
    "token sent with another transaction" => "IdempotentParameterMismatchException":
        transact_mismatch();
    "put of 4 KB into table and index" => "table 4, index 4 WCU":
        indexed_write(WriteMode::Standard, 4_096);
    "transactional put of 4 KB doubles the table alone" => "table 8, index 4 WCU":
        indexed_write(WriteMode::Transactional, 4_096);
}

examples! { INDEXES, "AWS Developer Guide, Using Global Secondary Indexes, write operations";
    "the index key is newly defined" => "1 WCU": index_wcu(None, Some("a"), None);
    "the index key changes from A to B" => "2 WCU": index_wcu(Some("a"), Some("b"), None);
    "the index key is removed" => "1 WCU": index_wcu(Some("a"), None, None);
    "the index key is absent before and after" => "0 WCU": index_wcu(None, None, Some("note"));
    "only a projected attribute changes" => "1 WCU":
        index_wcu(Some("a"), Some("a"), Some("note"));
    "only an attribute changes that is not projected" => "0 WCU":
        index_wcu(Some("a"), Some("a"), Some("other"));
    "entry of an item of 4 KB, ALL" => "4 WCU":
        wcu(index_put(None, Some("a"), None, Projection::All, 4_080));
    "entry of an item of 4 KB, KEYS_ONLY" => "1 WCU":
        wcu(index_put(None, Some("a"), None, Projection::KeysOnly, 4_080));
}
