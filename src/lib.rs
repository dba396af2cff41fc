//! quafka: Kafka in, QuestDB out.
