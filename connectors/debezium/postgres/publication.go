package postgres

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"

	"github.com/leat-project/leat/connectors/debezium/filter"
)

// publicationState is what the server says of the publication.
type publicationState struct {
	exists    bool
	allTables bool
	viaRoot   bool
	created   bool // by us, just now
}

// readPublication looks the publication up.
func readPublication(ctx context.Context, s *session, name string) (publicationState, error) {
	r, err := s.one(ctx, "SELECT puballtables, pubviaroot FROM pg_catalog.pg_publication WHERE pubname = $1", name)
	if err != nil || r == nil {
		return publicationState{}, err
	}
	return publicationState{exists: true, allTables: r.bool(0), viaRoot: r.bool(1)}, nil
}

// ensurePublication creates the publication as publication.autocreate.mode says.
func ensurePublication(ctx context.Context, s *session, cfg *settings, cat *catalogue, log *slog.Logger) (publicationState, error) {
	p, err := readPublication(ctx, s, cfg.Publication)
	if err != nil {
		return p, err
	}
	mode := strings.ToLower(cfg.PublicationMode)
	if p.exists && mode != "filtered" {
		return p, nil
	}
	var sql string
	switch mode {
	case "disabled":
		return p, missingPublication(cfg)
	case "all_tables":
		sql = "CREATE PUBLICATION " + ident(cfg.Publication) + " FOR ALL TABLES"
	case "no_tables":
		sql = "CREATE PUBLICATION " + ident(cfg.Publication)
	case "filtered":
		if sql, err = filteredPublication(ctx, s, cfg, cat, p); err != nil || sql == "" {
			return p, err
		}
	}
	if !p.exists {
		sql += publicationOptions(cfg)
	}
	if err := s.exec(ctx, sql); err != nil {
		return p, fmt.Errorf("%w; grant the user what this takes (FOR ALL TABLES: superuser, else CREATE on the database and ownership of the tables), or create the publication yourself and set publication.autocreate.mode=disabled", err)
	}
	log.Info("publication written", "statement", sql)
	created := !p.exists
	p, err = readPublication(ctx, s, cfg.Publication)
	p.created = created
	return p, err
}

func missingPublication(cfg *settings) error {
	return fmt.Errorf("publication %s does not exist and publication.autocreate.mode is disabled; create it (CREATE PUBLICATION %s FOR TABLE ...) or set publication.autocreate.mode=filtered",
		cfg.Publication, ident(cfg.Publication))
}

func publicationOptions(cfg *settings) string {
	if cfg.ViaRoot {
		return " WITH (publish_via_partition_root = true)"
	}
	return ""
}

// filteredPublication returns the statement that makes the publication hold
// exactly the captured tables, "" when it does.
func filteredPublication(ctx context.Context, s *session, cfg *settings, cat *catalogue, p publicationState) (string, error) {
	if p.allTables {
		return "", fmt.Errorf("publication %s is FOR ALL TABLES, which publication.autocreate.mode=filtered cannot narrow; drop it or use another publication.name", cfg.Publication)
	}
	tables, err := cat.captured(ctx, s, cfg, cfg.ViaRoot)
	if err != nil {
		return "", err
	}
	if len(tables) == 0 {
		return "", fmt.Errorf("no table matches schema.include.list, table.include.list and their exclude lists, so that no publication can be made of them; check the lists (schema.table, regular expressions)")
	}
	want := make([]string, len(tables))
	for i, t := range tables {
		want[i] = t.quoted()
	}
	if !p.exists {
		return "CREATE PUBLICATION " + ident(cfg.Publication) + " FOR TABLE " + strings.Join(want, ", "), nil
	}
	rows, err := s.query(ctx, "SELECT schemaname, tablename FROM pg_catalog.pg_publication_tables WHERE pubname = $1", cfg.Publication)
	if err != nil {
		return "", err
	}
	have := make([]string, len(rows))
	for i, r := range rows {
		have[i] = ident(r.str(0)) + "." + ident(r.str(1))
	}
	slices.Sort(have)
	slices.Sort(want)
	if slices.Equal(have, want) {
		return "", nil
	}
	return "ALTER PUBLICATION " + ident(cfg.Publication) + " SET TABLE " + strings.Join(want, ", "), nil
}

// identityRule is one entry of replica.identity.autoset.values.
type identityRule struct {
	table *filter.Pattern
	value string // as in ALTER TABLE ... REPLICA IDENTITY
	char  byte   // relreplident
}

func parseIdentities(text string) ([]identityRule, error) {
	var rules []identityRule
	for _, part := range filter.Split(text) {
		i := strings.LastIndexByte(part, ':')
		if i <= 0 {
			return nil, fmt.Errorf("%q is not of the form schema.table:FULL", part)
		}
		p, err := filter.Compile(part[:i])
		if err != nil {
			return nil, err
		}
		value := strings.TrimSpace(part[i+1:])
		r := identityRule{table: p, value: strings.ToUpper(value)}
		word, index, _ := strings.Cut(value, " ")
		switch strings.ToUpper(word) {
		case "DEFAULT", "FULL", "NOTHING":
			r.char = "dfn"[strings.Index("DFN", strings.ToUpper(word[:1]))]
		case "INDEX":
			r.char, r.value = 'i', "USING INDEX "+ident(strings.TrimSpace(index))
		default:
			return nil, fmt.Errorf("%q is none of DEFAULT, FULL, NOTHING and INDEX name", value)
		}
		rules = append(rules, r)
	}
	return rules, nil
}

// setIdentities runs ALTER TABLE where a table's replica identity differs from
// replica.identity.autoset.values.
func setIdentities(ctx context.Context, s *session, cfg *settings, cat *catalogue, log *slog.Logger) error {
	rules, err := parseIdentities(cfg.ReplicaIdentities)
	if err != nil || len(rules) == 0 {
		return err
	}
	tables, err := cat.captured(ctx, s, cfg, cfg.ViaRoot)
	if err != nil {
		return err
	}
	for _, t := range tables {
		i := slices.IndexFunc(rules, func(r identityRule) bool { return r.table.Match(t.full()) })
		if i < 0 || rules[i].char == t.identity && rules[i].char != 'i' {
			continue
		}
		sql := "ALTER TABLE " + t.quoted() + " REPLICA IDENTITY " + rules[i].value
		if err := s.exec(ctx, sql); err != nil {
			return fmt.Errorf("replica.identity.autoset.values: %w", err)
		}
		log.Info("replica identity set", "statement", sql)
	}
	return nil
}

// checkTables compares the publication with what is captured: a table or column
// that it does not send would be missing from the stream in silence. A table that
// the include lists do not name is only warned about.
func checkTables(ctx context.Context, s *session, cfg *settings, cat *catalogue, p publicationState, warn func(table, msg string)) error {
	tables, err := cat.captured(ctx, s, cfg, p.viaRoot)
	if err != nil {
		return err
	}
	published, err := publishedColumns(ctx, s, cfg)
	if err != nil {
		return err
	}
	chosen := len(cfg.tables.Include) > 0 || len(cfg.schemas.Include) > 0
	for _, t := range tables {
		columns, ok := published[t.full()]
		if !ok && chosen {
			return fmt.Errorf("publication %s does not send the captured table %s, so that its changes would be lost; run ALTER PUBLICATION %s ADD TABLE %s, set publication.autocreate.mode=filtered, or take the table out of table.include.list",
				cfg.Publication, t.full(), ident(cfg.Publication), t.quoted())
		}
		if !ok {
			warn(t.full(), "the publication does not send a captured table: it is read by snapshots only")
			continue
		}
		for _, a := range t.columns {
			if columns != nil && !a.generated && !slices.Contains(columns, a.name) && cfg.columns.Match(t.full()+"."+a.name) {
				return fmt.Errorf("publication %s does not send the column %s of table %s; add it to the publication's column list (ALTER PUBLICATION %s SET TABLE %s without a list sends all), or to column.exclude.list",
					cfg.Publication, a.name, t.full(), ident(cfg.Publication), t.quoted())
			}
		}
		warnIdentity(cfg, t, warn)
	}
	return nil
}

// warnIdentity warns of tables whose changes PostgreSQL or a sink will refuse.
func warnIdentity(cfg *settings, t *relation, warn func(table, msg string)) {
	if len(cfg.keyColumns(t)) == 0 {
		warn(t.full(), "a captured table has no key: its records have none, and sinks that need one refuse them; add a primary key or set message.key.columns")
	}
	if len(t.key) == 0 && t.identity == 'd' || t.identity == 'n' {
		warn(t.full(), "a captured table has no replica identity, neither a primary key for one nor another: PostgreSQL refuses to update and delete its rows while it is published; run ALTER TABLE ... REPLICA IDENTITY FULL")
	}
}

// publishedColumns returns the columns that the publication sends by table; nil
// means all.
func publishedColumns(ctx context.Context, s *session, cfg *settings) (map[string][]string, error) {
	version, err := s.one(ctx, "SELECT current_setting('server_version_num')")
	if err != nil {
		return nil, err
	}
	sql := "SELECT schemaname, tablename, NULL FROM pg_catalog.pg_publication_tables WHERE pubname = $1"
	if version.int(0) >= 150000 {
		sql = "SELECT schemaname, tablename, unnest(attnames) FROM pg_catalog.pg_publication_tables WHERE pubname = $1"
	}
	rows, err := s.query(ctx, sql, cfg.Publication)
	if err != nil {
		return nil, err
	}
	m := map[string][]string{}
	for _, r := range rows {
		table := r.str(0) + "." + r.str(1)
		if r[2] == nil {
			m[table] = nil
			continue
		}
		m[table] = append(m[table], r.str(2))
	}
	return m, nil
}
