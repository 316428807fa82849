"""What an application does with redis-py: prints all that it gets, so that two servers compare."""

import sys
import threading
import time

import redis


def show(name, value):
    print(f"{name}: {value!r}")


def main(port, protocol):
    r = redis.Redis(port=port, protocol=protocol, decode_responses=True)
    r.flushall()
    show("ping", r.ping())
    show("set", r.set("k", "v", ex=100))
    show("set nx", r.set("k", "w", nx=True))
    show("set get", r.set("k", "x", get=True))
    show("mget", r.mget("k", "none"))
    with pipeline(r) as pipe:
        pipe.incr("n").incrby("n", 5).get("n").expire("n", 60)
        show("pipeline", pipe.execute())
    with r.pipeline() as pipe:
        pipe.watch("n")
        value = int(pipe.get("n"))
        pipe.multi()
        pipe.set("n", value + 1)
        show("transaction", pipe.execute())
    with r.pipeline() as pipe:
        pipe.watch("n")
        r.set("n", 0)
        pipe.multi()
        pipe.set("n", 1)
        try:
            show("watch", pipe.execute())
        except redis.WatchError:
            show("watch", "changed")
    show("hset", r.hset("h", mapping={"a": 1, "b": 2}))
    show("hgetall", r.hgetall("h"))
    show("rpush", r.rpush("l", *range(5)))
    show("lrange", r.lrange("l", 0, -1))
    show("zadd", r.zadd("z", {"a": 1, "b": 2.5}))
    show("zrange", r.zrange("z", 0, -1, withscores=True))
    show("sadd", r.sadd("s", "x", "y"))
    show("smembers", sorted(r.smembers("s")))
    show("scan", sorted(r.scan_iter("*", count=2)))
    show("type", [r.type(key) for key in sorted(r.keys())])
    show("geo", r.geoadd("g", (13.361389, 38.115556, "Palermo")))
    show("pfcount", (r.pfadd("p", *range(100)), r.pfcount("p")))
    try:
        r.lpush("k", 1)
    except redis.ResponseError as error:
        show("error", str(error))
    waiter = threading.Thread(
        target=lambda: show("blpop", redis.Redis(port=port, protocol=protocol).blpop("q", 10))
    )
    waiter.start()
    while r.info("clients")["blocked_clients"] == 0:
        time.sleep(0.001)
    r.rpush("q", "job")
    waiter.join()
    listener = r.pubsub()
    listener.subscribe("c")
    listener.psubscribe("c*")
    for _ in range(2):
        show("subscribed", listener.get_message(timeout=10))
    show("publish", r.publish("c", "hello"))
    for _ in range(2):
        show("message", listener.get_message(timeout=10))
    listener.close()
    lock = r.lock("lock", timeout=10)
    show("lock", lock.acquire())
    show("client", r.client_setname("name") and r.client_getname())
    show("config", r.config_get("maxmemory-samples"))
    show("big", r.set("big", "x" * 3_000_000) and len(r.get("big")))
    show("dbsize", r.dbsize())


def pipeline(r):
    return r.pipeline(transaction=False)


main(int(sys.argv[1]), int(sys.argv[2]))
