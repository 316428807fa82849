//! DynamoDB's roles under clients in virtual time: how long requests take, and that none is lost.
//!
//! Expected times are sums of the prices in `seam/round_numbers.toml`. The size of a message in bytes
//! is a thousandth of a microsecond each on the links, and left aside.

use kvrig_base::digest::Digest;
use kvrig_base::id::{ActorId, RequestId};
use kvrig_base::time::{Span, Time, Wall};
use kvrig_dynamo::capacity::ReadConsistency;
use kvrig_dynamo::key::{KeyHasher, KeySchema, ScalarType};
use kvrig_dynamo::roles::{Arguments as DynamoArguments, Limits, Request, Role, SplitPolicy};
use kvrig_dynamo::schema::Throughput;
use kvrig_dynamo::table::{GetItem, PutItem};
use kvrig_dynamo::{Item, TableSchema};
use kvrig_sim::client::{Arguments, ClosedLoop, OpenLoop, Requests};
use kvrig_sim::cost::Profile;
use kvrig_sim::dynamo_cluster::{Service, Topology};
use kvrig_sim::world::{Model, Observer, Reply, World};

const NAME: &str = "round_numbers.toml";

/// Bytes of a request on its way from the client: 1 us.
const REQUEST_BYTES: u64 = 1_000;

#[derive(Debug)]
struct Mix {
    /// Every so manieth request is a write; none where it is zero.
    write_every: u64,
    keys: u64,
    consistency: ReadConsistency,
}

impl Requests for Mix {
    fn fill(&mut self, id: RequestId, args: &mut Arguments) {
        let name = (id.0.wrapping_mul(7_919) % self.keys).to_string();
        let key = Item::from([("pk", name.as_str().into())]);
        let request = match self.write_every > 0 && id.0.is_multiple_of(self.write_every) {
            true => {
                let mut item = key;
                item.insert("v", (id.0 as i64).into());
                Request::Put(PutItem {
                    item,
                    ..PutItem::default()
                })
            }
            false => Request::Get(GetItem::new(key).consistency(self.consistency)),
        };
        let written = DynamoArguments::write("simple", &request).expect("it has no condition");
        written.iter().for_each(|argument| args.push(argument));
    }
    fn wire_bytes(&self, _: &Arguments) -> u64 {
        REQUEST_BYTES
    }
    fn think(&mut self, _: RequestId) -> Span {
        Span::from_millis(1)
    }
}

#[derive(Debug, Default)]
struct Replies(Vec<Reply>);

impl Observer<Role> for Replies {
    fn reply(&mut self, reply: &Reply, _: &Role) {
        self.0.push(*reply);
    }
}

#[derive(Debug)]
struct Roles;

impl Model for Roles {
    type Actor = Role;
    type Requests = Mix;
    type Arrivals = Vec<Time>;
    type Observer = Replies;
}

fn profile() -> Profile {
    Profile::parse(NAME, include_str!("seam/round_numbers.toml"))
        .expect("it is part of these tests")
}

fn topology(throughput: Throughput) -> Topology {
    let schema = TableSchema::new("simple", KeySchema::simple("pk", ScalarType::String));
    Topology {
        // So many that no partition comes to its limit here.
        tables: vec![(schema.throughput(throughput), 8)],
        routers: 2,
        nodes: 4,
        cores: 1,
        link: profile().link,
        hasher: KeyHasher::default(),
        limits: Limits::default(),
        splits: SplitPolicy::default(),
    }
}

fn world(topology: &Topology) -> (World<Roles>, Service) {
    let mut world = World::new(&profile(), Wall::from_unix_millis(0), Replies::default());
    let service = topology.build(&mut world).expect("a schema that can be");
    (world, service)
}

fn millis(n: u64) -> Time {
    Time::START + Span::from_millis(n)
}

/// How long single requests take whose router knows where everything lies.
fn response(mix: Mix) -> Span {
    let (mut world, service) = world(&topology(Throughput::OnDemand));
    // The first asks for the directory on its way; the others are apart from any news of commits.
    let arrivals = (1..6).map(|n| millis(n * 37)).collect();
    world.add_open_loop(OpenLoop {
        targets: vec![service.routers[0]],
        connections: 1,
        link: profile().link,
        requests: mix,
        arrivals,
        patience: None,
    });
    world.run_until(millis(400));
    world.check_books().expect("no request is lost or invented");
    let replies = &world.observer().0;
    assert_eq!(replies.len(), 5);
    replies.last().map_or(Span::ZERO, |reply| reply.response)
}

fn assert_near(span: Span, micros: u64) {
    let expected = Span::from_micros(micros)..Span::from_micros(micros + 1);
    assert!(expected.contains(&span), "{span} instead of {micros} us");
}

#[test]
fn a_strong_read_goes_to_the_leader_and_back() {
    // To the router: 1 us of transmission, 20 of latency. There and at the leader and again at the
    // router: wake-up 5, turn 10, read 2, a command of 1; then a write of 3 and 20 of latency.
    let mix = Mix {
        write_every: 0,
        keys: 10,
        consistency: ReadConsistency::Strong,
    };
    assert_near(response(mix), 21 + 3 * (5 + 10 + 2 + 1 + 3 + 20));
}

#[test]
fn a_write_takes_one_way_to_a_follower_and_back_longer() {
    // The leader answers when the first follower has: one more stop there, and one at the leader.
    let mix = Mix {
        write_every: 1,
        keys: 10,
        consistency: ReadConsistency::Strong,
    };
    assert_near(response(mix), 21 + 5 * (5 + 10 + 2 + 1 + 3 + 20));
}

/// A closed loop of clients on both routers; answers, refusals, and the digest of all that happened.
fn busy(throughput: Throughput) -> (u64, u64, Digest) {
    let (mut world, service) = world(&topology(throughput));
    world.add_closed_loop(ClosedLoop {
        targets: service.routers.clone(),
        clients: 16,
        link: profile().link,
        requests: Mix {
            write_every: 4,
            keys: 1_000,
            consistency: ReadConsistency::Eventual,
        },
        start: millis(1),
        requests_max: Some(20_000),
        patience: None,
    });
    world.run_until(millis(20_000));
    let books = world.check_books().expect("no request is lost or invented");
    assert_eq!(books.offered, 20_000);
    assert_eq!(books.completed, books.offered, "nothing is left under way");
    for &router in &service.routers {
        match world.actor(router) {
            Role::Router(router) => assert_eq!(router.in_flight(), 0),
            other => panic!("{other:?} is no router"),
        }
    }
    let contents = service.contents.borrow();
    assert_eq!(
        contents.changes_kept(),
        0,
        "every replica has applied everything"
    );
    let replies = &world.observer().0;
    // An answer begins with `+`, a refusal has the name of an exception and a message.
    let refused = replies.iter().filter(|reply| reply.bytes > 60).count() as u64;
    (books.completed - refused, refused, world.events().digest())
}

#[test]
fn every_request_is_answered_once_and_runs_repeat() {
    let (answered, refused, digest) = busy(Throughput::OnDemand);
    assert_eq!((answered, refused), (20_000, 0));
    assert_eq!(busy(Throughput::OnDemand).2, digest);
}

#[test]
fn a_small_table_is_throttled_by_its_routers_and_loses_no_request() {
    // Five minutes of five read units are 3,000 half units.
    let (answered, refused, _) = busy(Throughput::Provisioned { read: 5, write: 5 });
    assert!((4_000..7_000).contains(&answered), "{answered}");
    assert_eq!(answered + refused, 20_000);
}

#[test]
fn actors_are_numbered_as_the_service_says() {
    let (world, service) = world(&topology(Throughput::OnDemand));
    assert_eq!(service.nodes, [5, 6, 7, 8].map(ActorId));
    assert!(matches!(world.actor(service.autoadmin), Role::Autoadmin(_)));
    assert!(matches!(world.actor(service.admission), Role::Admission(_)));
    assert!(matches!(
        world.actor(service.coordinator),
        Role::Coordinator(_)
    ));
}
