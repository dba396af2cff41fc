//! What the gateway counts, under the names that Redpanda has for the same, so that its dashboards show something. What
//! means something else there is left out: a missing panel is better than a wrong one.

use std::fmt::{self, Write};

use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::TimeValLike;

use super::Metrics;
use super::redpanda::{Cluster, TopicState};

/// Prometheus' text format 0.0.4.
pub(super) fn render(metrics: &Metrics, cluster: &Cluster) -> Result<String, fmt::Error> {
    let mut page = Page(String::new());
    let version = concat!("quafka ", env!("CARGO_PKG_VERSION"));
    let build = [("redpanda_revision", ""), ("redpanda_version", version)];
    page.family("redpanda_application_build", "gauge", "Build information", [(&build[..], 1)])?;
    let uptime = metrics.uptime().as_secs();
    page.single("redpanda_application_uptime_seconds_total", "gauge", "Uptime in seconds", uptime)?;
    if let Ok(usage) = getrusage(UsageWho::RUSAGE_SELF) {
        let micros = (usage.user_time() + usage.system_time()).num_microseconds();
        let help = "Total CPU busy time in seconds";
        let seconds = micros as f64 / 1e6;
        page.family("redpanda_cpu_busy_seconds_total", "gauge", help, [(&[("shard", "0")][..], seconds)])?;
    }
    let partitions: usize = cluster.topics.iter().map(|topic| topic.partitions).sum();
    page.single("redpanda_cluster_brokers", "gauge", "Number of configured brokers in the cluster", 1)?;
    page.single("redpanda_cluster_topics", "gauge", "Number of topics in the cluster", cluster.topics.len())?;
    page.single("redpanda_cluster_partitions", "gauge", "Number of partitions in the cluster", partitions)?;

    let topics = || {
        cluster
            .topics
            .iter()
            .map(|topic| ([("redpanda_namespace", "kafka"), ("redpanda_topic", &*topic.name)], topic))
    };
    let name = "redpanda_kafka_partitions";
    let help = "Configured number of partitions for the topic";
    page.family(name, "gauge", help, topics().map(|(labels, topic)| (labels, topic.partitions)))?;
    let help = "Configured number of replicas for the topic";
    page.family("redpanda_kafka_replicas", "gauge", help, topics().map(|(labels, _)| (labels, 1)))?;
    let sum =
        |topic: &TopicState, of: fn(&super::PartitionState) -> u64| topic.written.iter().map(of).sum::<u64>();
    let name = "redpanda_kafka_records_produced_total";
    let records = topics().map(|(labels, topic)| (labels, sum(topic, |partition| partition.records)));
    page.family(name, "counter", "Total number of records produced", records)?;
    let name = "redpanda_kafka_request_bytes_total";
    let bytes = topics().map(|([namespace, name], topic)| {
        ([namespace, name, ("redpanda_request", "produce")], sum(topic, |partition| partition.bytes))
    });
    page.family(name, "counter", "Total number of bytes produced per topic", bytes)?;
    let name = "redpanda_kafka_max_offset";
    page.head(name, "gauge", "The offset that the next record gets")?;
    for ([namespace, topic_name], topic) in topics() {
        for partition in &topic.written {
            let index = partition.index.to_string();
            let labels = [namespace, topic_name, ("redpanda_partition", index.as_str())];
            page.sample(name, &labels, partition.next_offset)?;
        }
    }
    let kafka = [("redpanda_server", "kafka")];
    let help = "Count of currently active connections";
    let connections = metrics.open_connections();
    page.family("redpanda_rpc_active_connections", "gauge", help, [(&kafka[..], connections)])?;
    page.0 += &metrics.latency_as("redpanda_kafka_request_latency", ("redpanda_request", "produce"))?;
    Ok(page.0)
}

struct Page(String);

impl Page {
    fn head(&mut self, name: &str, kind: &str, help: &str) -> fmt::Result {
        writeln!(self.0, "# HELP {name} {help}\n# TYPE {name} {kind}")
    }

    fn single(&mut self, name: &str, kind: &str, help: &str, value: impl fmt::Display) -> fmt::Result {
        self.family(name, kind, help, [(&[][..], value)])
    }

    fn family<'a, L: AsRef<[(&'a str, &'a str)]>>(
        &mut self,
        name: &str,
        kind: &str,
        help: &str,
        samples: impl IntoIterator<Item = (L, impl fmt::Display)>,
    ) -> fmt::Result {
        self.head(name, kind, help)?;
        for (labels, value) in samples {
            self.sample(name, labels.as_ref(), value)?;
        }
        Ok(())
    }

    /// No label's value needs escaping: they are topics' names, numbers and words of our own.
    fn sample(&mut self, name: &str, labels: &[(&str, &str)], value: impl fmt::Display) -> fmt::Result {
        self.0 += name;
        for (index, (label, text)) in labels.iter().enumerate() {
            let before = if index == 0 { '{' } else { ',' };
            write!(self.0, "{before}{label}=\"{text}\"")?;
        }
        if !labels.is_empty() {
            self.0.push('}');
        }
        writeln!(self.0, " {value}")
    }
}
