// Package pgurl reads the JDBC URL of a PostgreSQL database, as users of the Java
// driver (pgjdbc) write it, and turns it into a configuration of the Go driver.
// Its only type is [Target]. It opens no connection and knows nothing of
// connectors.
package pgurl

import (
	"fmt"
	"net"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/leat-project/leat/internal/pgtls"
)

// Prefix is how a JDBC URL of a PostgreSQL database begins.
const Prefix = "jdbc:postgresql:"

// Target is what a JDBC URL says.
type Target struct {
	Hosts    []string // host names or addresses, IPv6 without brackets; not empty
	Ports    []uint16 // one for each host
	Database string   // "": named after the user
	User     string   // "" if the URL has none
	Password string   // "" if the URL has none

	// Pooled says that the URL asks for no state between transactions
	// (prepareThreshold=0 or preferQueryMode=simple), as people do behind a
	// connection pooler.
	Pooled bool
	// SocketTimeout bounds each call of the database; 0 is no bound.
	SocketTimeout time.Duration
	// Ignored are parameters that have no effect here, in order of appearance.
	Ignored []string

	settings map[string]string // libpq keywords
	files    pgtls.Files       // all but Root, which the driver reads
}

// Parse reads a JDBC URL. Its errors say what is wrong and never show a password.
func Parse(raw string) (*Target, error) {
	if !strings.HasPrefix(raw, Prefix) {
		return nil, fmt.Errorf("it must begin with %s, as in %s//host:5432/database", Prefix, Prefix)
	}
	rest, query, _ := strings.Cut(raw[len(Prefix):], "?")
	t := &Target{settings: map[string]string{}}
	if err := t.address(rest); err != nil {
		return nil, err
	}
	for _, pair := range strings.Split(query, "&") {
		name, value, _ := strings.Cut(pair, "=")
		if name == "" {
			continue
		}
		decoded, err := url.QueryUnescape(value)
		if err != nil {
			return nil, fmt.Errorf("its parameter %s is not percent-encoded: write %%25 for a %% sign", name)
		}
		if err := t.Set(name, decoded); err != nil {
			return nil, err
		}
	}
	return t, nil
}

// address reads "//host:port,host2/database", "//host/" and the short form
// "database".
func (t *Target) address(s string) error {
	var hosts, database string
	if strings.HasPrefix(s, "//") {
		hosts, database, _ = strings.Cut(s[2:], "/")
	} else {
		database = strings.TrimPrefix(s, "/")
	}
	decoded, err := url.PathUnescape(database)
	if err != nil {
		return fmt.Errorf("its database name is not percent-encoded: write %%25 for a %% sign")
	}
	t.Database = decoded
	for _, h := range strings.Split(hosts, ",") {
		if strings.ContainsAny(h, "@") {
			return fmt.Errorf("it holds a user before the host: give connection.user and connection.password, or ?user=...&password=..., instead")
		}
		host, port, err := hostPort(h)
		if err != nil {
			return err
		}
		t.Hosts = append(t.Hosts, host)
		t.Ports = append(t.Ports, port)
	}
	return nil
}

func hostPort(s string) (string, uint16, error) {
	host, portText := s, ""
	if i := strings.LastIndexByte(s, ':'); i >= 0 && !strings.HasSuffix(s, "]") {
		host, portText = s[:i], s[i+1:]
	}
	host = strings.TrimSuffix(strings.TrimPrefix(host, "["), "]")
	if host == "" {
		host = "localhost"
	}
	if portText == "" {
		return host, 5432, nil
	}
	n, err := strconv.ParseUint(portText, 10, 16)
	if err != nil || n == 0 {
		return "", 0, fmt.Errorf("the port %q of host %s is not a number from 1 to 65535", portText, host)
	}
	return host, uint16(n), nil
}

// renamed are pgjdbc parameters that libpq knows by another name or by the same.
var renamed = map[string]string{
	"sslrootcert": "sslrootcert", "currentSchema": "search_path", "ApplicationName": "application_name", "options": "options",
	"connectTimeout": "connect_timeout", "loginTimeout": "connect_timeout",
	"channelBinding": "channel_binding", "kerberosServerName": "krbsrvname", "krbsrvname": "krbsrvname",
}

// harmless are parameters whose effect does not exist here or is how this driver
// always works; they are accepted without a word.
var harmless = []string{"stringtype", "reWriteBatchedInserts", "defaultRowFetchSize", "tcpKeepAlive", "tcpNoDelay",
	"preparedStatementCacheQueries", "preparedStatementCacheSizeMiB", "binaryTransfer", "binaryTransferEnable",
	"binaryTransferDisable", "gssEncMode", "jaasLogin", "logUnclosedConnections", "disableColumnSanitiser",
	"loggerLevel", "loggerFile", "hostRecheckSeconds", "cleanupSavepoints", "autosave", "assumeMinServerVersion"}

// Set sets one connection parameter by its pgjdbc name, over what the URL said.
func (t *Target) Set(name, value string) error {
	switch name {
	case "user":
		t.User = value
	case "password":
		t.Password = value
	case "ssl":
		if (value == "" || strings.EqualFold(value, "true")) && t.settings["sslmode"] == "" {
			t.settings["sslmode"] = "verify-full"
		}
	case "sslmode":
		if !slices.Contains([]string{"disable", "allow", "prefer", "require", "verify-ca", "verify-full"}, value) {
			return fmt.Errorf("its sslmode %q is none of disable, allow, prefer, require, verify-ca, verify-full", value)
		}
		t.settings["sslmode"] = value
	case "sslcert":
		t.files.Cert = value
	case "sslkey":
		t.files.Key = value
	case "sslpassword":
		t.files.Password = value
	case "sslfactory":
		if strings.HasSuffix(value, "NonValidatingFactory") {
			t.settings["sslmode"] = "require"
			return nil
		}
		if value != "" && !strings.HasSuffix(value, "LibPQFactory") && !strings.HasSuffix(value, "DefaultJavaSSLFactory") {
			return fmt.Errorf("its sslfactory %s is Java code: use sslmode and sslrootcert instead", value)
		}
	case "readOnly":
		if strings.EqualFold(value, "true") {
			return fmt.Errorf("readOnly=true cannot work for a sink: remove it")
		}
	case "targetServerType":
		attrs, ok := serverTypes[value]
		if !ok {
			return fmt.Errorf("its targetServerType %q is none of any, primary, master, secondary, slave, preferSecondary, preferPrimary", value)
		}
		t.settings["target_session_attrs"] = attrs
	case "prepareThreshold":
		t.Pooled = t.Pooled || value == "0"
	case "preferQueryMode":
		t.Pooled = t.Pooled || strings.EqualFold(value, "simple")
	case "socketTimeout":
		seconds, err := strconv.Atoi(value)
		if err != nil || seconds < 0 {
			return fmt.Errorf("its socketTimeout %q is not a number of seconds", value)
		}
		t.SocketTimeout = time.Duration(seconds) * time.Second
	case "loadBalanceHosts":
		// One connection a task: the order of hosts as given serves as well.
	default:
		return t.setOther(name, value)
	}
	return nil
}

var serverTypes = map[string]string{"any": "any", "primary": "read-write", "master": "read-write", "preferPrimary": "any",
	"secondary": "standby", "slave": "standby", "preferSecondary": "prefer-standby", "preferSlave": "prefer-standby"}

func (t *Target) setOther(name, value string) error {
	if keyword, ok := renamed[name]; ok {
		if keyword == "connect_timeout" {
			if n, err := strconv.Atoi(value); err != nil || n < 0 {
				return fmt.Errorf("its %s %q is not a number of seconds", name, value)
			}
		}
		t.settings[keyword] = value
		return nil
	}
	if !slices.Contains(harmless, name) {
		t.Ignored = append(t.Ignored, name)
	}
	return nil
}

// Address names the first host and the database for messages: "host:port/db".
func (t *Target) Address() string {
	addrs := make([]string, len(t.Hosts))
	for i, h := range t.Hosts {
		addrs[i] = net.JoinHostPort(h, strconv.Itoa(int(t.Ports[i])))
	}
	return strings.Join(addrs, ",") + "/" + t.Database
}

// Config returns the driver's configuration. session holds run-time parameters of
// the session, which the URL overrides.
func (t *Target) Config(session map[string]string) (*pgconn.Config, error) {
	ports := make([]string, len(t.Ports))
	for i, p := range t.Ports {
		ports[i] = strconv.Itoa(int(p))
	}
	database := t.Database
	if database == "" {
		database = t.User
	}
	settings := map[string]string{"connect_timeout": "10", "sslmode": "prefer"}
	for k, v := range session {
		settings[k] = v
	}
	for k, v := range t.settings {
		settings[k] = v
	}
	files := t.files
	files.Root = settings["sslrootcert"]
	if err := files.Check(); err != nil {
		return nil, err
	}
	settings["host"], settings["port"] = strings.Join(t.Hosts, ","), strings.Join(ports, ",")
	settings["user"], settings["database"] = t.User, database
	if t.Password != "" {
		settings["password"] = t.Password
	}
	var b strings.Builder
	for k, v := range settings {
		fmt.Fprintf(&b, "%s='%s' ", k, escape.Replace(v))
	}
	cfg, err := pgconn.ParseConfig(b.String())
	if err != nil {
		return nil, err
	}
	return cfg, files.Apply(cfg)
}

var escape = strings.NewReplacer(`\`, `\\`, `'`, `\'`)
