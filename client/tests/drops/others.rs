//! Connecting, administration, and reading.

use milena::{Client, NewTopic};

use crate::{
    network,
    world::{PARTITIONS, TOPIC, World, send, sweep},
};

fn topics(world: &World) -> Vec<String> {
    let names = ["bills", TOPIC];
    let there = names.into_iter().filter(|name| {
        world
            .cluster
            .with_state(|state| state.topic_id(name))
            .is_some()
    });
    there.map(str::to_owned).collect()
}

#[test]
fn connecting() {
    sweep(|world| async move {
        let connecting = network::client(&world.cluster).connect();
        let connected = world.drop_it(connecting).await;
        let completed = connected.is_some();
        let client: Client = match connected {
            Some(connected) => connected.unwrap(),
            None => network::client(&world.cluster).connect().await.unwrap(),
        };
        let partitions = client.partitions_for(TOPIC).await.unwrap();
        assert_eq!(partitions.len(), PARTITIONS as usize);
        completed
    });
}

#[test]
fn a_question_for_partitions() {
    sweep(|world| async move {
        let asked = world.drop_it(world.client.partitions_for(TOPIC)).await;
        let completed = asked.is_some();
        let partitions = world.client.partitions_for(TOPIC).await.unwrap();
        assert_eq!(partitions.len(), PARTITIONS as usize);
        completed
    });
}

#[test]
fn creating_topics() {
    sweep(|world| async move {
        let admin = world.client.admin();
        let topic = || NewTopic::new("bills", 1, 1);
        let created = world.drop_it(admin.create_topic(topic())).await;
        let completed = created.is_some();
        // It may be created, and if not, it can be.
        let again = admin.create_topic(topic()).await;
        assert!(again.is_ok() || world.polls_it(), "{again:?}");
        assert_eq!(topics(&world), ["bills", TOPIC]);
        completed
    });
}

#[test]
fn deleting_topics() {
    sweep(|world| async move {
        let admin = world.client.admin();
        let deleted = world.drop_it(admin.delete_topics([TOPIC])).await;
        let completed = deleted.is_some();
        let _ = admin.delete_topics([TOPIC]).await;
        assert_eq!(topics(&world), Vec::<String>::new());
        completed
    });
}

#[test]
fn more_partitions() {
    sweep(|world| async move {
        let admin = world.client.admin();
        let grown = world.drop_it(admin.create_partitions([(TOPIC, 5)])).await;
        let completed = grown.is_some();
        let _ = admin.create_partitions([(TOPIC, 5)]).await;
        let last = world.cluster.with_state(|state| state.log_range(TOPIC, 4));
        assert!(last.is_some());
        completed
    });
}

#[test]
fn describing_and_listing_topics() {
    sweep(|world| async move {
        let admin = world.client.admin();
        let asked = world.drop_it(async {
            let described = admin.describe_topics([TOPIC]).await;
            assert_eq!(described.len(), 1);
            admin.list_topics().await.unwrap()
        });
        let completed = asked.await.is_some();
        let names = admin.list_topics().await.unwrap();
        assert!(names.iter().any(|listed| listed.name == TOPIC));
        completed
    });
}

#[test]
fn a_reader() {
    sweep(|world| async move {
        let producer = world.producer();
        for number in 0..20 {
            let _ = send(&producer, &format!("record {number}")).await;
            if number % 5 == 0 {
                producer.flush().await;
            }
        }
        producer.flush().await;
        let reading = || {
            let reader = world.client.reader(TOPIC).partition(0);
            reader.from_beginning().to_end()
        };
        let built = world.drop_it(reading().build()).await;
        let mut completed = built.is_some();
        let mut reader = match built {
            Some(built) => built.unwrap(),
            None => reading().build().await.unwrap(),
        };
        // Each record is asked for twice: by a future that may be dropped, and by one that is not.
        let mut values = Vec::new();
        loop {
            let next = world.drop_it(reader.next()).await;
            completed &= next.is_some();
            let next = match next {
                Some(next) => next,
                None => reader.next().await,
            };
            let Some(record) = next else {
                break;
            };
            values.push(String::from_utf8(record.unwrap().value.unwrap().to_vec()).unwrap());
        }
        assert_eq!(values, world.log()[&0]);
        assert_eq!(values.len(), 20);
        completed
    });
}
