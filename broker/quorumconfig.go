package broker

import (
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"

	"github.com/leat-project/leat/broker/settings"
)

// checkQuorum accepts what makes this node broker and only controller in one,
// in the forms that a server.properties of Kafka has: controller.quorum.voters
// (a static quorum) and controller.quorum.bootstrap.servers.
func (c *Config) checkQuorum() error {
	roles := settings.SplitList(c.str("process.roles"))
	for _, need := range []string{"broker", "controller"} {
		if !slices.Contains(roles, need) {
			return fmt.Errorf("process.roles=%s, but a node is broker and controller in one: controllers or brokers on other nodes are not served yet; set process.roles=broker,controller", c.str("process.roles"))
		}
	}
	if err := c.checkVoters(); err != nil {
		return err
	}
	if err := c.checkBootstrap(); err != nil {
		return err
	}
	return c.checkMetadataDir()
}

// checkVoters takes "<node id>@<host>:<port>" of this node.
func (c *Config) checkVoters() error {
	const key = "controller.quorum.voters"
	voters := settings.SplitList(c.str(key))
	if len(voters) > 1 {
		return fmt.Errorf("%s=%s names %d voters, but only a quorum of one, this node, is served yet; name %d@host:port alone, or remove the key", key, c.str(key), len(voters), c.NodeID)
	}
	for _, v := range voters {
		id, addr, ok := strings.Cut(v, "@")
		n, err := strconv.ParseInt(strings.TrimSpace(id), 10, 32)
		if !ok || err != nil {
			return fmt.Errorf("%s entry %q: expected ID@HOST:PORT", key, v)
		}
		if int32(n) != c.NodeID {
			return fmt.Errorf("%s=%s names node %d, but this is node %d (node.id), and controllers on other nodes are not served yet", key, v, n, c.NodeID)
		}
		if err := c.checkControllerPort(key, addr); err != nil {
			return err
		}
	}
	return nil
}

// checkBootstrap takes "<host>:<port>" of this node's controller listener.
func (c *Config) checkBootstrap() error {
	const key = "controller.quorum.bootstrap.servers"
	servers := settings.SplitList(c.str(key))
	if len(servers) > 1 {
		return fmt.Errorf("%s=%s names %d controllers, but only a quorum of one, this node, is served yet; name this node's controller listener alone, or remove the key", key, c.str(key), len(servers))
	}
	for _, addr := range servers {
		if err := c.checkControllerPort(key, addr); err != nil {
			return err
		}
	}
	return nil
}

// checkControllerPort makes sure that an address is that of a controller
// listener of this node. Host names may be any that lead here.
func (c *Config) checkControllerPort(key, addr string) error {
	_, port, err := net.SplitHostPort(strings.TrimSpace(addr))
	n, bad := strconv.Atoi(port)
	if err != nil || bad != nil || n < 0 || n > 65535 {
		return fmt.Errorf("%s names the address %q, expected HOST:PORT", key, addr)
	}
	if !slices.ContainsFunc(c.Listeners, func(l Listener) bool { return l.Controller && (l.Port == n || l.AdvertisedPort == n) }) {
		return fmt.Errorf("%s names port %d, but no listener of controller.listener.names has it, and controllers on other nodes are not served yet", key, n)
	}
	return nil
}

func (c *Config) checkMetadataDir() error {
	if dir := c.str("metadata.log.dir"); dir != "" && !slices.Contains(c.LogDirs, dir) {
		return fmt.Errorf("metadata.log.dir=%s is none of log.dirs (%s); name one of them, or add it there", dir, strings.Join(c.LogDirs, ","))
	}
	return nil
}

// metadataDir is the index of the log dir for the metadata log: that of
// metadata.log.dir, else the first.
func (c *Config) metadataDir() int { return max(slices.Index(c.LogDirs, c.str("metadata.log.dir")), 0) }
