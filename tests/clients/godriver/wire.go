package main

// The requests and answers; ../wire_test.go has the same and says what is what.

type request struct {
	ID   int    `json:"id"`
	On   string `json:"on"`
	Op   string `json:"op"`
	Args args   `json:"args"`
}

type answer struct {
	ID     int     `json:"id"`
	Error  string  `json:"error,omitempty"`
	Result *result `json:"result,omitempty"`
}

type args struct {
	On         string            `json:"-"`
	Topic      string            `json:"topic"`
	Partitions int32             `json:"partitions"`
	Configs    map[string]string `json:"configs"`
	Unset      []string          `json:"unset"`
	Codec      string            `json:"codec"`
	MaxBytes   int               `json:"max_bytes"`
	Records    []record          `json:"records"`
	Group      string            `json:"group"`
	Protocol   string            `json:"protocol"`
	Assignor   string            `json:"assignor"`
	Instance   string            `json:"instance"`
	Instances  []string          `json:"instances"`
	Committed  bool              `json:"committed"`
	At         string            `json:"at"`
	Millis     int64             `json:"millis"`
	Offsets    map[int32]int64   `json:"offsets"`
	Count      int               `json:"count"`
	TxID       string            `json:"txid"`
	Out        string            `json:"out"`
}

type result struct {
	Topics   map[string]int32  `json:"topics,omitempty"`
	Configs  map[string]string `json:"configs,omitempty"`
	Records  []record          `json:"records,omitempty"`
	Offsets  map[int32]int64   `json:"offsets,omitempty"`
	Assigned []int32           `json:"assigned,omitempty"`
	Groups   map[string]string `json:"groups,omitempty"`
	State    string            `json:"state,omitempty"`
	Assignor string            `json:"assignor,omitempty"`
	Members  []member          `json:"members,omitempty"`
	Brokers  []string          `json:"brokers,omitempty"`
	Cluster  string            `json:"cluster,omitempty"`
	Aborted  int               `json:"aborted,omitempty"`
}

type member struct {
	Instance string  `json:"instance"`
	Assigned []int32 `json:"assigned"`
}

type record struct {
	Partition int32    `json:"p"`
	Offset    int64    `json:"o"`
	Key       []byte   `json:"k"`
	Value     []byte   `json:"v"`
	Headers   []header `json:"h"`
	Millis    int64    `json:"t"`
	Codec     string   `json:"c,omitempty"`
}

type header struct {
	Name  string `json:"n"`
	Value []byte `json:"v"`
}
