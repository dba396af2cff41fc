//! DescribeLogDirs (35), versions 1-4.
//!
//! There is no log: what a broker would keep, QuestDB keeps. So there is one log dir, in which every partition takes
//! no bytes. Tools that show sizes show none, instead of an error.
//!
//! 1. The null list asks for all topics. Of those asked for, ones that are not to be had are left out, as are
//!    partitions that there are not.

use kafka_protocol::messages::describe_log_dirs_response::{
    DescribeLogDirsPartition, DescribeLogDirsResult, DescribeLogDirsTopic,
};
use kafka_protocol::messages::{DescribeLogDirsResponse, TopicName};
use quafka_protocol::requests::DescribeLogDirsRequest;

use super::Call;
use super::reply::text;
use crate::topics::Topic;

/// The name of what is not a folder of this machine.
const LOG_DIR: &str = "questdb";

pub(super) fn answer(call: Call<'_>, request: &DescribeLogDirsRequest<'_>) -> DescribeLogDirsResponse {
    let topics = &call.gateway.topics;
    let described = match &request.topics {
        None => topics.list().iter().map(|topic| describe(topic, |_| true)).collect(),
        Some(wanted) => wanted
            .iter()
            .filter_map(|wanted| {
                let topic = topics.describe(wanted.name).ok()?;
                Some(describe(&topic, |index| wanted.partitions.contains(&index)))
            })
            .collect(),
    };
    let result = DescribeLogDirsResult::default()
        .with_log_dir(text(LOG_DIR))
        .with_topics(described)
        // Not known, as before version 4.
        .with_total_bytes(-1)
        .with_usable_bytes(-1);
    DescribeLogDirsResponse::default().with_results(vec![result])
}

fn describe(topic: &Topic, wanted: impl Fn(i32) -> bool) -> DescribeLogDirsTopic {
    let partitions = (0..topic.partitions().len() as i32).filter(|index| wanted(*index));
    let partitions = partitions.map(|index| DescribeLogDirsPartition::default().with_partition_index(index));
    DescribeLogDirsTopic::default()
        .with_name(TopicName(text(topic.name().as_ref())))
        .with_partitions(partitions.collect())
}
