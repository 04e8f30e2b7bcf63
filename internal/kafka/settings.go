package kafka

import "github.com/leat-project/leat/connect/config"

// common holds the properties that every kind of client has
// (org.apache.kafka.clients.CommonClientConfigs).
type common struct {
	Bootstrap        []string
	ClientID         string
	MetadataMaxAge   int64
	ConnMaxIdle      int64
	RequestTimeout   int
	RetryBackoff     int64
	RetryBackoffMax  int64
	ConnSetupTimeout int64
	SecurityProtocol string

	SASLMechanism string
	JAAS          config.Secret

	TrustStore         string
	TrustStoreType     string
	TrustStorePassword config.Secret
	TrustCerts         config.Secret
	KeyStore           string
	KeyStoreType       string
	KeyStorePassword   config.Secret
	KeyPassword        config.Secret
	KeyStoreKey        config.Secret
	KeyStoreChain      config.Secret
	EndpointAlgorithm  string
	Protocols          []string
	CipherSuites       []string
}

func (c *common) Define(d *config.Def) {
	d.List(&c.Bootstrap, "bootstrap.servers")
	d.String(&c.ClientID, "client.id").Default("")
	d.Long(&c.MetadataMaxAge, "metadata.max.age.ms").Default(300000).Check(config.AtLeast(0))
	d.Long(&c.ConnMaxIdle, "connections.max.idle.ms").Default(540000)
	d.Int(&c.RequestTimeout, "request.timeout.ms").Default(30000).Check(config.AtLeast(0))
	d.Long(&c.RetryBackoff, "retry.backoff.ms").Default(100).Check(config.AtLeast(0))
	d.Long(&c.RetryBackoffMax, "retry.backoff.max.ms").Default(1000).Check(config.AtLeast(0))
	d.Long(&c.ConnSetupTimeout, "socket.connection.setup.timeout.ms").Default(10000)
	d.String(&c.SecurityProtocol, "security.protocol").Default("PLAINTEXT").
		Check(config.OneOfFold("PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"))
	d.String(&c.SASLMechanism, "sasl.mechanism").Default("GSSAPI")
	d.Password(&c.JAAS, "sasl.jaas.config").Default(nil)
	d.String(&c.TrustStore, "ssl.truststore.location").Default(nil)
	d.String(&c.TrustStoreType, "ssl.truststore.type").Default("JKS")
	d.Password(&c.TrustStorePassword, "ssl.truststore.password").Default(nil)
	d.Password(&c.TrustCerts, "ssl.truststore.certificates").Default(nil)
	d.String(&c.KeyStore, "ssl.keystore.location").Default(nil)
	d.String(&c.KeyStoreType, "ssl.keystore.type").Default("JKS")
	d.Password(&c.KeyStorePassword, "ssl.keystore.password").Default(nil)
	d.Password(&c.KeyPassword, "ssl.key.password").Default(nil)
	d.Password(&c.KeyStoreKey, "ssl.keystore.key").Default(nil)
	d.Password(&c.KeyStoreChain, "ssl.keystore.certificate.chain").Default(nil)
	d.List(&c.Protocols, "ssl.enabled.protocols").Default("TLSv1.2,TLSv1.3")
	d.List(&c.CipherSuites, "ssl.cipher.suites").Default(nil)
	d.String(&c.EndpointAlgorithm, "ssl.endpoint.identification.algorithm").Default("https")
}

// producer holds org.apache.kafka.clients.producer.ProducerConfig.
type producer struct {
	common
	Acks               string
	Linger             int64
	BatchSize          int
	BufferMemory       int64
	MaxRequestSize     int
	Compression        string
	DeliveryTimeout    int
	Retries            int
	InFlight           int
	Idempotence        bool
	MaxBlock           int64
	TransactionalID    string
	TransactionTimeout int
}

func (c *producer) Define(d *config.Def) {
	c.common.Define(d)
	d.String(&c.Acks, "acks").Default("all").Check(config.OneOf("all", "-1", "0", "1"))
	d.Long(&c.Linger, "linger.ms").Default(5).Check(config.AtLeast(0))
	d.Int(&c.BatchSize, "batch.size").Default(16384).Check(config.AtLeast(0))
	d.Long(&c.BufferMemory, "buffer.memory").Default(33554432).Check(config.AtLeast(0))
	d.Int(&c.MaxRequestSize, "max.request.size").Default(1048576).Check(config.AtLeast(0))
	d.String(&c.Compression, "compression.type").Default("none").
		Check(config.OneOf("none", "gzip", "snappy", "lz4", "zstd"))
	d.Int(&c.DeliveryTimeout, "delivery.timeout.ms").Default(120000).Check(config.AtLeast(0))
	d.Int(&c.Retries, "retries").Default(2147483647).Check(config.AtLeast(0))
	d.Int(&c.InFlight, "max.in.flight.requests.per.connection").Default(5).Check(config.AtLeast(1))
	d.Bool(&c.Idempotence, "enable.idempotence").Default(true)
	d.Long(&c.MaxBlock, "max.block.ms").Default(60000).Check(config.AtLeast(0))
	d.String(&c.TransactionalID, "transactional.id").Default(nil).Check(config.NonEmpty)
	d.Int(&c.TransactionTimeout, "transaction.timeout.ms").Default(60000)
}

// consumer holds org.apache.kafka.clients.consumer.ConsumerConfig.
type consumer struct {
	common
	GroupID           string
	InstanceID        string
	GroupProtocol     string
	SessionTimeout    int
	HeartbeatInterval int
	MaxPollInterval   int
	MaxPollRecords    int
	Strategies        []string
	FetchMinBytes     int
	FetchMaxBytes     int
	FetchMaxWait      int
	MaxPartitionBytes int
	AutoOffsetReset   string
	Isolation         string
	Rack              string
	CheckCRCs         bool
	AutoCommit        bool
	AutoCreateTopics  bool
}

const (
	rangeAssignor       = "org.apache.kafka.clients.consumer.RangeAssignor"
	roundRobinAssignor  = "org.apache.kafka.clients.consumer.RoundRobinAssignor"
	stickyAssignor      = "org.apache.kafka.clients.consumer.StickyAssignor"
	cooperativeAssignor = "org.apache.kafka.clients.consumer.CooperativeStickyAssignor"
)

func (c *consumer) Define(d *config.Def) {
	c.common.Define(d)
	d.String(&c.GroupID, "group.id").Default(nil)
	d.String(&c.InstanceID, "group.instance.id").Default(nil).Check(config.NonEmpty)
	d.String(&c.GroupProtocol, "group.protocol").Default("classic").Check(config.OneOfFold("classic", "consumer"))
	d.Int(&c.SessionTimeout, "session.timeout.ms").Default(45000)
	d.Int(&c.HeartbeatInterval, "heartbeat.interval.ms").Default(3000)
	d.Int(&c.MaxPollInterval, "max.poll.interval.ms").Default(300000).Check(config.AtLeast(1))
	d.Int(&c.MaxPollRecords, "max.poll.records").Default(500).Check(config.AtLeast(1))
	d.List(&c.Strategies, "partition.assignment.strategy").Default([]string{rangeAssignor, cooperativeAssignor})
	d.Int(&c.FetchMinBytes, "fetch.min.bytes").Default(1).Check(config.AtLeast(0))
	d.Int(&c.FetchMaxBytes, "fetch.max.bytes").Default(52428800).Check(config.AtLeast(0))
	d.Int(&c.FetchMaxWait, "fetch.max.wait.ms").Default(500).Check(config.AtLeast(0))
	d.Int(&c.MaxPartitionBytes, "max.partition.fetch.bytes").Default(1048576).Check(config.AtLeast(0))
	d.String(&c.AutoOffsetReset, "auto.offset.reset").Default("latest").Check(config.OneOf("earliest", "latest", "none"))
	d.String(&c.Isolation, "isolation.level").Default("read_uncommitted").
		Check(config.OneOf("read_committed", "read_uncommitted"))
	d.String(&c.Rack, "client.rack").Default("")
	d.Bool(&c.CheckCRCs, "check.crcs").Default(true)
	d.Bool(&c.AutoCommit, "enable.auto.commit").Default(true)
	d.Bool(&c.AutoCreateTopics, "allow.auto.create.topics").Default(true)
}

type admin struct {
	common
	APITimeout int
}

func (c *admin) Define(d *config.Def) {
	c.common.Define(d)
	d.Int(&c.APITimeout, "default.api.timeout.ms").Default(60000).Check(config.AtLeast(0))
	d.Int(nil, "retries").Default(2147483647).Check(config.AtLeast(0))
}
