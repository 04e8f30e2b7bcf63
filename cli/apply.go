package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"
	"gopkg.in/yaml.v3"

	"github.com/leat-project/leat/internal/props"
	"github.com/leat-project/leat/rest/client"
	"github.com/leat-project/leat/worker/model"
)

// spec is one connector of a file.
type spec struct {
	Name    string
	Config  map[string]string
	Initial string // initial_state
	source  string // file, for messages
}

func (a *api) applyCommand() *cobra.Command {
	var files []string
	var dryRun bool
	c := &cobra.Command{Use: "apply -f FILE...", Short: "Create or reconfigure connectors from files", Args: args(cobra.NoArgs),
		Long: "Create the connectors of the files, or reconfigure those that exist. A file is JSON or YAML, as " +
			`{"name":...,"config":{...}} or flat with a key name, one or a list of them, or a .properties file. - is standard input.`,
		RunE: a.run(func(ctx context.Context, c *client.Client, _ []string) error {
			if len(files) == 0 {
				return usagef("apply needs a file: -f FILE")
			}
			var specs []spec
			for _, f := range files {
				s, err := a.read(f)
				if err != nil {
					return err
				}
				specs = append(specs, s...)
			}
			for _, s := range specs {
				if err := a.apply(ctx, c, s, dryRun); err != nil {
					return fmt.Errorf("%s: connector %s: %w", s.source, s.Name, err)
				}
			}
			return nil
		})}
	c.Flags().StringSliceVarP(&files, "filename", "f", nil, "file with connectors, - for standard input; may be repeated")
	c.Flags().BoolVar(&dryRun, "dry-run", false, "validate only")
	return c
}

func (a *api) apply(ctx context.Context, c *client.Client, s spec, dryRun bool) error {
	if dryRun {
		return a.validate(ctx, c, s)
	}
	old, err := c.Connector(ctx, s.Name)
	var answered *client.Error
	switch {
	case err == nil:
		if old.Config.Equal(model.ConfigOf(s.Config)) {
			return a.report(s.Name, "unchanged")
		}
	case !errors.As(err, &answered) || answered.Status != 404:
		return err
	case s.Initial != "":
		if _, err := c.Create(ctx, s.Name, s.Config, s.Initial); err != nil {
			return err
		}
		return a.report(s.Name, "created")
	}
	_, created, err := c.PutConfig(ctx, s.Name, s.Config)
	if err != nil {
		return err
	}
	if created {
		return a.report(s.Name, "created")
	}
	return a.report(s.Name, "configured")
}

func (a *api) report(name, what string) error {
	_, err := fmt.Fprintf(a.Err, "connector %s %s\n", name, what)
	return err
}

// validate shows what is wrong with each key; unknown keys of the file are named.
func (a *api) validate(ctx context.Context, c *client.Client, s spec) error {
	if s.Config["connector.class"] == "" {
		return &refusedError{"connector.class is missing"}
	}
	report, err := c.Validate(ctx, s.Config)
	if err != nil {
		return err
	}
	var wrong []string
	for _, i := range report.Configs {
		for _, e := range i.Value.Errors {
			wrong = append(wrong, i.Value.Name+": "+e)
		}
	}
	if len(wrong) > 0 {
		return &refusedError{"the configuration is invalid:\n  " + strings.Join(wrong, "\n  ")}
	}
	if unknown := report.Unknown(s.Config); len(unknown) > 0 {
		if _, err := fmt.Fprintf(a.Err, "connector %s: keys that nothing knows, perhaps misspelt: %s\n", s.Name, strings.Join(unknown, ", ")); err != nil {
			return err
		}
	}
	return a.report(s.Name, "valid")
}

// read reads the connectors of a file.
func (a *api) read(name string) ([]spec, error) {
	text, err := a.readFile(name)
	if err != nil {
		return nil, fmt.Errorf("reading connectors: %w", err)
	}
	specs, err := parseSpecs(name, text)
	if err != nil {
		return nil, &refusedError{err.Error()}
	}
	return specs, nil
}

func parseSpecs(name string, text []byte) ([]spec, error) {
	if filepath.Ext(name) == ".properties" {
		config, err := props.Parse(name, text)
		if err != nil {
			return nil, err
		}
		return one(name, map[string]any{}, config)
	}
	next := documents(text)
	var specs []spec
	for {
		var doc any
		err := next(&doc)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		more, err := parseDocument(name, doc)
		if err != nil {
			return nil, err
		}
		specs = append(specs, more...)
	}
	if len(specs) == 0 {
		return nil, fmt.Errorf("%s: no connector in it", name)
	}
	return specs, nil
}

// documents reads JSON documents, or YAML where the text does not begin as JSON.
func documents(text []byte) func(into *any) error {
	if first := bytes.TrimSpace(text); len(first) > 0 && (first[0] == '{' || first[0] == '[') {
		d := json.NewDecoder(bytes.NewReader(text))
		d.UseNumber()
		return func(into *any) error {
			err := d.Decode(into)
			if err != nil && !errors.Is(err, io.EOF) {
				before := text[:min(int(d.InputOffset()), len(text))]
				return fmt.Errorf("malformed JSON near line %d: %w", 1+bytes.Count(before, []byte("\n")), err)
			}
			return err
		}
	}
	d := yaml.NewDecoder(bytes.NewReader(text))
	return func(into *any) error { return d.Decode(into) }
}

func parseDocument(name string, doc any) ([]spec, error) {
	switch doc := doc.(type) {
	case nil:
		return nil, nil
	case []any:
		var specs []spec
		for _, e := range doc {
			more, err := parseDocument(name, e)
			if err != nil {
				return nil, err
			}
			specs = append(specs, more...)
		}
		return specs, nil
	case map[string]any:
		if nested, ok := doc["config"].(map[string]any); ok {
			config, err := texts(name, nested)
			if err != nil {
				return nil, err
			}
			return one(name, doc, config)
		}
		config, err := texts(name, doc)
		if err != nil {
			return nil, err
		}
		return one(name, map[string]any{}, config)
	}
	return nil, fmt.Errorf(`%s: expected {"name":...,"config":{...}}, a flat object of texts, or a list of these`, name)
}

func one(file string, outer map[string]any, config map[string]string) ([]spec, error) {
	s := spec{Config: config, source: file}
	s.Name, _ = outer["name"].(string)
	s.Initial, _ = outer["initial_state"].(string)
	switch inner := config["name"]; {
	case s.Name == "":
		s.Name = inner
	case inner != "" && inner != s.Name:
		return nil, fmt.Errorf("%s: name is %q outside and %q inside config", file, s.Name, inner)
	}
	if s.Name == "" {
		return nil, fmt.Errorf("%s: the connector has no name: add the key name", file)
	}
	config["name"] = s.Name
	return []spec{s}, nil
}

// texts turns the values of a configuration into texts.
func texts(file string, m map[string]any) (map[string]string, error) {
	out := make(map[string]string, len(m))
	for k, v := range m {
		switch v := v.(type) {
		case string:
			out[k] = v
		case nil:
			return nil, fmt.Errorf("%s: key %s has no value", file, k)
		case map[string]any, []any:
			return nil, fmt.Errorf("%s: the value of key %s must be a text", file, k)
		case json.Number:
			out[k] = v.String()
		default:
			text, err := json.Marshal(v)
			if err != nil {
				return nil, fmt.Errorf("%s: key %s: %w", file, k, err)
			}
			out[k] = string(text)
		}
	}
	return out, nil
}
