package client

import "samsa/sim/env"

// Config has a client's settings, with the names that Kafka has for them.
type Config struct {
	RequestTimeout  env.Duration // request.timeout.ms
	APITimeout      env.Duration // default.api.timeout.ms: the limit of Client.Ask with all its retries
	RetryBackoff    env.Duration // retry.backoff.ms: the wait before the first retry; it doubles with each further retry
	RetryBackoffMax env.Duration // retry.backoff.max.ms (KIP-580)
	MetadataMaxAge  env.Duration // metadata.max.age.ms

	Acks            int16        // acks: -1 all, 0, 1
	Linger          env.Duration // linger.ms
	BatchBytes      int          // batch.size
	RequestBytes    int          // max.request.size
	MaxBlock        env.Duration // max.block.ms: how long a record may wait for its topic's metadata
	DeliveryTimeout env.Duration // delivery.timeout.ms
	MaxInFlight     int          // max.in.flight.requests.per.connection

	FetchWait  env.Duration // fetch.max.wait.ms
	FetchMin   int32        // fetch.min.bytes
	FetchBytes int32        // max.partition.fetch.bytes
	FetchMax   int32        // fetch.max.bytes
	Committed  bool         // isolation.level=read_committed
	Reset      Reset        // auto.offset.reset
	ResetBack  env.Duration // how far back auto.offset.reset=by_duration goes
}

// DefaultConfig returns the defaults of Kafka's clients, with one exception. It allows one request in flight for each
// connection instead of five. With five, only idempotence keeps the records of a partition in order, and this client does
// not have it yet.
func DefaultConfig() Config {
	return Config{}.withDefaults()
}

// withDefaults returns the config with the default in place of each zero that is not a valid value.
func (c Config) withDefaults() Config {
	if c == (Config{}) {
		c.Acks, c.Linger, c.FetchWait = -1, 5*env.Millisecond, 500*env.Millisecond
	}
	span := func(d *env.Duration, otherwise env.Duration) {
		if *d <= 0 {
			*d = otherwise
		}
	}
	span(&c.RequestTimeout, 30*env.Second)
	span(&c.APITimeout, 60*env.Second)
	span(&c.RetryBackoff, 100*env.Millisecond)
	span(&c.RetryBackoffMax, env.Second)
	span(&c.MetadataMaxAge, 5*env.Minute)
	span(&c.MaxBlock, 60*env.Second)
	span(&c.DeliveryTimeout, 120*env.Second)
	if c.BatchBytes <= 0 {
		c.BatchBytes = 16384
	}
	if c.RequestBytes <= 0 {
		c.RequestBytes = 1 << 20
	}
	if c.MaxInFlight <= 0 {
		c.MaxInFlight = 1
	}
	if c.FetchMin <= 0 {
		c.FetchMin = 1
	}
	if c.FetchBytes <= 0 {
		c.FetchBytes = 1 << 20
	}
	if c.FetchMax <= 0 {
		c.FetchMax = 50 << 20
	}
	return c
}

// backoff returns the wait before the next attempt. The argument attempts is the number of failed attempts. The wait
// doubles with each attempt up to the maximum. It has a jitter of 20 %, so that clients that failed together do not retry
// together.
func (c *Config) backoff(e env.Env, attempts int) env.Duration {
	wait := c.RetryBackoff
	for i := 1; i < attempts && wait < c.RetryBackoffMax; i++ {
		wait *= 2
	}
	const jitter = 200 // permille
	spread := int64(e.Choose("client.backoff", 2*jitter+1))
	return min(wait, c.RetryBackoffMax) * env.Duration(1000-jitter+spread) / 1000
}
