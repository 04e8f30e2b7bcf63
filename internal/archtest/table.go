package archtest

// module is the import path of this project.
const module = "github.com/leat-project/leat"

// edges says for each part of the tree which other parts it may import. Paths
// are folders below the root and stand for everything below them, too. The
// longest matching entry rules; a package may always import its own entry's
// folder. Test files are under the same rules, with harnesses added.
//
// Direction: cmd -> cli, rest, worker, plugins -> connect -> nothing.
// Nothing but cmd and harnesses imports broker, and broker imports none of the
// others: they meet only through the Kafka protocol.
var edges = map[string][]string{
	"connect":             {},
	"connect/connecttest": {"connect"},

	"connectors": {"connect", "internal"},
	"transforms": {"connect", "internal"},
	"converters": {"connect", "internal"},

	"worker":            {"connect", "internal"},
	"rest":              {"worker/model", "worker/validate", "connect", "internal"},
	"broker":            {"internal"},
	"broker/brokertest": {"broker", "internal", harness},

	// Tools that work on the files of a broker, where no protocol is between.
	"cli": {"rest/client", "worker/model", "connect/config", "internal", "broker/inspect", "broker/adopt"},
	"cmd": {"cli", "rest", "worker", "connectors", "transforms", "converters", "connect", "broker", "internal"},

	// Programs beside the product: they start the binary and talk to it.
	"bench": {"peers", "internal", harness}, // peers: Kafka's jars
	"demo":  {"internal", harness},
	"peers": {"internal", harness},
	"tests": {"cmd", "internal", harness},

	"internal":            {},
	"internal/archtest":   {},
	"internal/kafka":      {"internal", "connect/config"}, // declares Java's client properties
	"internal/javatls":    {"connect/config"},
	"internal/javavalues": {"internal", "connect"}, // text form of Connect values
}

// harness in a list of edges stands for the packages below, which only tests
// and the programs that start the binary may import.
const harness = "(harness)"

var harnesses = []string{
	"connect/connecttest",
	"internal/archtest",
	"internal/child",
	"internal/debtool",
	"internal/freeport",
	"internal/pgserver",
	"internal/postgrestest",
	"internal/proctest",
	"rest/resttest",
}

// inTests are edges that only test files may have, besides those above.
// A connector never sees another connector, in tests neither.
var inTests = map[string][]string{
	"connectors": {harness, "converters", "transforms"},
	"transforms": {harness, "converters"},
	"converters": {harness},
	"connect":    {harness},
	"worker":     {harness, "broker", "converters", "transforms"},
	"rest":       {harness, "worker", "broker", "connectors", "converters", "transforms"},
	"broker":     {harness},
	"cli":        {harness, "rest", "worker", "broker"},
	"cmd":        {harness},
	"internal":   {harness, "broker"},
}

// modules says where a third-party module may be imported: each in as few
// places as possible, so that it can be replaced in a day. "golang.org/x/..."
// modules named here and the standard library's packages are free for all but
// connect, which uses the standard library only.
var modules = map[string][]string{
	"github.com/dlclark/regexp2":            {"internal/javaregex", "connectors/debezium/filter"},
	"github.com/go-chi/chi/v5":              {"rest"},
	"github.com/google/uuid":                {"broker", "worker", "connectors/debezium", "internal"},
	"github.com/jackc/pglogrepl":            {"connectors/debezium", "bench"},
	"github.com/jackc/pgx/v5":               {"connectors", "internal/pgtls", "internal/pgserver", "internal/postgrestest", "demo", "bench", "tests"},
	"github.com/klauspost/compress":         {"broker"},
	"github.com/magiconair/properties":      {"internal/props"},
	"github.com/pierrec/lz4/v4":             {"broker", "internal/kafka"},
	"github.com/prometheus/client_golang":   {"rest", "worker", "broker", "cmd", "internal"},
	"github.com/spf13/cobra":                {"cli", "cmd"},
	"github.com/twmb/franz-go":              {"worker", "internal", "cli", "cmd", "bench", "demo", "peers", "tests"},
	"github.com/twmb/franz-go/pkg/kadm":     {"worker", "internal", "cli", "cmd", "bench", "demo", "peers", "tests"},
	"github.com/twmb/franz-go/pkg/kbin":     {"broker", "internal"},
	"github.com/twmb/franz-go/pkg/kerr":     {"broker", "worker", "internal", "cli", "cmd", "bench", "demo", "tests"},
	"github.com/twmb/franz-go/pkg/kmsg":     {"broker", "worker", "internal", "cli", "cmd", "bench"},
	"github.com/twmb/franz-go/pkg/kversion": {"broker", "worker", "internal", "cli"},
	"go.etcd.io/raft/v3":                    {"broker/controller"},
	"github.com/youmark/pkcs8":              {"internal/pgtls"}, // encrypted keys, which the standard library lacks
	"software.sslmate.com/src/go-pkcs12":    {"internal/pgtls"},
	"golang.org/x/sync":                     anywhere,
	"golang.org/x/sys":                      anywhere,
	"golang.org/x/term":                     {"cli", "cmd", "demo", "bench"},
	"golang.org/x/text":                     {"connectors", "internal"},
	"google.golang.org/protobuf":            {"broker/controller"}, // the form of raft messages
	"gopkg.in/yaml.v3":                      {"cli", "tests", "internal"},
	"github.com/IBM/sarama":                 testsOnly,
	"github.com/google/go-cmp":              testsOnly,
	"github.com/cockroachdb/datadriven":     testsOnly,
}

// openToTests are modules that any test file may import, wherever the product
// may: the client that drives a broker, a database connection.
var openToTests = []string{
	"github.com/jackc/pgx/v5",
	"github.com/twmb/franz-go",
	"gopkg.in/yaml.v3",
}

var (
	anywhere  = []string{""}
	testsOnly = []string{}
)

// plugins are the folders whose packages start goroutines only through the
// task context, which recovers their panics and waits for them.
var plugins = []string{"connectors", "transforms", "converters"}

// unsafeFile is the only file that may import unsafe.
const unsafeFile = "connect/data/value.go"
