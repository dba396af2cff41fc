use kafka_protocol::messages::api_versions_response::ApiVersion;
use kafka_protocol::messages::metadata_response::{
    MetadataResponseBroker, MetadataResponsePartition, MetadataResponseTopic,
};
use kafka_protocol::messages::produce_response::{
    BatchIndexAndErrorMessage, PartitionProduceResponse, TopicProduceResponse,
};
use kafka_protocol::messages::{ApiVersionsResponse, BrokerId, MetadataResponse};
use kafka_protocol::protocol::{Encodable, decode_request_header_from_buffer};
use kafka_protocol::records::RecordBatchDecoder;
use tokio::net::TcpListener;

use super::*;
use crate::demo::trades::Trades;

/// A server's side of one connection, scripted by the test.
struct Peer(TcpStream);

impl Peer {
    async fn request<R: Decodable>(&mut self) -> (RequestHeader, R) {
        let length = self.0.read_u32().await.unwrap();
        let mut frame = vec![0; length as usize];
        self.0.read_exact(&mut frame).await.unwrap();
        let mut frame = Bytes::from(frame);
        let header = decode_request_header_from_buffer(&mut frame).unwrap();
        let request = R::decode(&mut frame, header.request_api_version).unwrap();
        assert!(frame.is_empty());
        (header, request)
    }

    async fn reply<R: Encodable + HeaderVersion>(&mut self, to: &RequestHeader, reply: &R) {
        let version = to.request_api_version;
        let mut body = BytesMut::new();
        let header = ResponseHeader::default().with_correlation_id(to.correlation_id);
        header.encode(&mut body, R::header_version(version)).unwrap();
        reply.encode(&mut body, version).unwrap();
        self.0.write_u32(body.len() as u32).await.unwrap();
        self.0.write_all(&body).await.unwrap();
    }

    async fn agree_on_versions(&mut self, produce_max: i16) {
        let (header, _) = self.request::<ApiVersionsRequest>().await;
        let api = |key, max| ApiVersion::default().with_api_key(key).with_max_version(max);
        let keys = vec![api(ProduceRequest::KEY, produce_max), api(MetadataRequest::KEY, 13)];
        self.reply(&header, &ApiVersionsResponse::default().with_api_keys(keys)).await;
    }
}

async fn peers() -> (TcpListener, String) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    (listener, address)
}

fn produced(partition: PartitionProduceResponse) -> ProduceResponse {
    let topic = TopicProduceResponse::default().with_partition_responses(vec![partition]);
    ProduceResponse::default().with_responses(vec![topic])
}

#[tokio::test]
async fn replies_find_their_batches_in_any_order() {
    let (listener, address) = peers().await;
    let peer = tokio::spawn(async move {
        let mut peer = Peer(listener.accept().await.unwrap().0);
        peer.agree_on_versions(12).await;
        let (header, metadata) = peer.request::<MetadataRequest>().await;
        assert_eq!(metadata.topics.unwrap()[0].name.as_ref().unwrap().0.as_str(), "trades");
        let partitions = (0..3).map(|index| MetadataResponsePartition::default().with_partition_index(index));
        let topic = MetadataResponseTopic::default().with_partitions(partitions.collect());
        peer.reply(&header, &MetadataResponse::default().with_topics(vec![topic])).await;

        let (first, request) = peer.request::<ProduceRequest>().await;
        assert_eq!((first.request_api_version, request.acks), (12, -1));
        let mut batch = request.topic_data[0].partition_data[0].records.clone().unwrap();
        assert_eq!(RecordBatchDecoder::decode(&mut batch).unwrap().records.len(), 10);
        let (second, _) = peer.request::<ProduceRequest>().await;
        let bad_record = BatchIndexAndErrorMessage::default()
            .with_batch_index(4)
            .with_batch_index_error_message(Some(StrBytes::from_static_str("`price` is text")));
        let refusal = PartitionProduceResponse::default()
            .with_error_code(87)
            .with_error_message(Some(StrBytes::from_static_str("1 record cannot be written")))
            .with_record_errors(vec![bad_record]);
        peer.reply(&second, &produced(refusal)).await;
        peer.reply(&first, &produced(PartitionProduceResponse::default().with_base_offset(1_000))).await;
    });
    let mut producer = Producer::connect(&address, 2).await.unwrap();
    assert_eq!(producer.partitions("trades").await.unwrap(), 3);
    let mut trades = Trades::new(1);
    let batch = encode_batch((0..10).map(|ts| trades.next(ts)), 0).unwrap();
    let first = producer.send("trades", 0, batch.clone()).await.unwrap();
    let second = producer.send("trades", 2, batch).await.unwrap();
    assert_eq!(first.wait().await.unwrap().base_offset, 1_000);
    assert_eq!(
        second.wait().await.unwrap_err().to_string(),
        "trades-2: error 87 (InvalidRecord): 1 record cannot be written; record 4: `price` is text"
    );
    peer.await.unwrap();
}

#[tokio::test]
async fn a_connection_that_ends_fails_what_is_in_flight_and_what_comes_after() {
    let (listener, address) = peers().await;
    let peer = tokio::spawn(async move {
        let mut peer = Peer(listener.accept().await.unwrap().0);
        peer.agree_on_versions(9).await;
        peer.request::<ProduceRequest>().await;
    });
    let mut producer = Producer::connect(&address, 1).await.unwrap();
    let pending = producer.send("t", 0, Bytes::new()).await.unwrap();
    // With one slot, a second batch waits for the first one's fate; both end, none hangs.
    let (first, second) = tokio::join!(pending.wait(), producer.send("t", 0, Bytes::new()));
    assert!(matches!(first, Err(ProduceError::Connection { .. })), "{first:?}");
    assert!(matches!(second, Err(ProduceError::Connection { .. })), "{second:?}");
    peer.await.unwrap();
}

#[tokio::test]
async fn each_partition_has_its_leader() {
    let (listener, address) = peers().await;
    let peer = tokio::spawn(async move {
        let mut peer = Peer(listener.accept().await.unwrap().0);
        peer.agree_on_versions(12).await;
        let broker = |id, host| {
            let broker = MetadataResponseBroker::default().with_node_id(BrokerId(id)).with_port(9092);
            broker.with_host(StrBytes::from_static_str(host))
        };
        let partition = |index, leader| {
            let partition = MetadataResponsePartition::default().with_partition_index(index);
            partition.with_leader_id(BrokerId(leader))
        };
        // The third has no leader at the moment.
        let partitions = vec![partition(0, 7), partition(1, 8), partition(2, -1)];
        let topic = MetadataResponseTopic::default().with_partitions(partitions);
        let reply = MetadataResponse::default().with_topics(vec![topic]);
        for brokers in [vec![broker(7, "a"), broker(8, "::1")], vec![broker(7, "a")]] {
            let (header, _) = peer.request::<MetadataRequest>().await;
            peer.reply(&header, &reply.clone().with_brokers(brokers)).await;
        }
    });
    let mut producer = Producer::connect(&address, 1).await.unwrap();
    let leaders = producer.leaders("t").await.unwrap();
    assert_eq!(leaders, BTreeMap::from([(0, "a:9092".to_owned()), (1, "[::1]:9092".to_owned())]));
    let leaders = producer.leaders("t").await.unwrap();
    assert_eq!(leaders[&0], address, "a broker that is alone is the one that is connected");
    peer.await.unwrap();
}

#[tokio::test]
async fn a_server_that_is_too_old_is_refused() {
    let (listener, address) = peers().await;
    let peer = tokio::spawn(async move {
        Peer(listener.accept().await.unwrap().0).agree_on_versions(7).await;
    });
    let error = Producer::connect(&address, 1).await.unwrap_err();
    assert_eq!(error, ProduceError::Version { api_key: 0, server: Some((0, 7)), ours: (9, 12) });
    peer.await.unwrap();
}

#[test]
fn a_batch_has_its_records_and_no_producer() {
    let mut trades = Trades::new(1);
    let values: Vec<Bytes> = (0..100).map(|ts| trades.next(ts)).collect();
    let mut batch = encode_batch(values.clone(), 5).unwrap();
    assert_eq!(i64::from_be_bytes(batch[43..51].try_into().unwrap()), -1, "producer id");
    assert_eq!(i32::from_be_bytes(batch[53..57].try_into().unwrap()), -1, "base sequence");
    let records = RecordBatchDecoder::decode(&mut batch).unwrap().records;
    assert_eq!(records.into_iter().map(|record| record.value.unwrap()).collect::<Vec<_>>(), values);
}
