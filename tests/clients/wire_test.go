package clients

// request is a line to a driver.
type request struct {
	ID   int    `json:"id"`
	On   string `json:"on"`
	Op   string `json:"op"`
	Args args   `json:"args"`
}

// answer is a line from a driver.
type answer struct {
	ID     int    `json:"id"`
	Error  string `json:"error"`
	Result result `json:"result"`
}

// args are the arguments of all operations; each takes those it needs.
type args struct {
	Topic      string            `json:"topic,omitempty"`
	Partitions int32             `json:"partitions,omitempty"`
	Configs    map[string]string `json:"configs,omitempty"`
	Unset      []string          `json:"unset,omitempty"` // configs to delete
	Codec      string            `json:"codec,omitempty"`
	MaxBytes   int               `json:"max_bytes,omitempty"` // of a request of the producer
	Records    []record          `json:"records,omitempty"`
	Group      string            `json:"group,omitempty"`
	Protocol   string            `json:"protocol,omitempty"` // consumer for KIP-848, else classic
	Assignor   string            `json:"assignor,omitempty"`
	Instance   string            `json:"instance,omitempty"`
	Instances  []string          `json:"instances,omitempty"`
	Committed  bool              `json:"committed,omitempty"` // isolation of a reader; how a transaction ends
	At         string            `json:"at,omitempty"`        // earliest, latest, max_timestamp or milliseconds
	Millis     int64             `json:"millis,omitempty"`    // how long poll waits for a first record
	Offsets    map[int32]int64   `json:"offsets,omitempty"`
	Count      int               `json:"count,omitempty"` // of records: to read, or of poll at most
	TxID       string            `json:"txid,omitempty"`
	Out        string            `json:"out,omitempty"` // topic that transform writes to
}

// result is what operations return; each fills in what it has.
type result struct {
	Topics   map[string]int32  `json:"topics"` // number of partitions
	Configs  map[string]string `json:"configs"`
	Records  []record          `json:"records"`
	Offsets  map[int32]int64   `json:"offsets"`
	Assigned []int32           `json:"assigned"`
	Groups   map[string]string `json:"groups"` // states, by group or transactional id
	State    string            `json:"state"`
	Assignor string            `json:"assignor"`
	Members  []member          `json:"members"`
	Brokers  []string          `json:"brokers"`
	Cluster  string            `json:"cluster"`
	Aborted  int               `json:"aborted"` // transactions
}

// member is one of a described group.
type member struct {
	Instance string  `json:"instance"`
	Assigned []int32 `json:"assigned"`
}

// record is a record written or read. A nil key, value or header is null, an
// empty one is empty.
type record struct {
	Partition int32    `json:"p"`
	Offset    int64    `json:"o"`
	Key       []byte   `json:"k"`
	Value     []byte   `json:"v"`
	Headers   []header `json:"h"`
	Millis    int64    `json:"t"`
	Codec     string   `json:"c,omitempty"` // of the batch it came in; franz-go alone says it
}

type header struct {
	Name  string `json:"n"`
	Value []byte `json:"v"`
}
