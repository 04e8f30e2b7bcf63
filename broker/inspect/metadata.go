package inspect

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// metadataFolder is where Kafka keeps the metadata of the cluster, on nodes that
// are controllers.
const metadataFolder = "__cluster_metadata-0"

// topicResource is the type of a topic's ConfigRecord.
const topicResource = 2

// addConfigs gives topics the settings that the metadata in a log dir has for
// them: the newest snapshot, and what was written after it.
func addConfigs(byName map[string]*Topic, dir string) error {
	folder := filepath.Join(dir, metadataFolder)
	entries, err := os.ReadDir(folder)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	var image string
	var logs []string
	for _, e := range entries { // sorted, so that the last snapshot is the newest
		switch {
		case kindOf(e.Name()) == Image:
			image = e.Name()
		case strings.HasSuffix(e.Name(), ".log"):
			logs = append(logs, e.Name())
		}
	}
	c := &configReader{byName: byName, names: map[string]string{}}
	if image != "" {
		logs = slices.Insert(logs, 0, image)
	}
	for _, name := range logs {
		c.image = name == image
		if err := File(filepath.Join(folder, name), Options{Data: true, Decoder: Metadata}, c.item); err != nil {
			return err
		}
	}
	return nil
}

type configReader struct {
	byName map[string]*Topic
	names  map[string]string // topic ids to names
	image  bool              // a snapshot is being read
	until  int64             // end offset of the snapshot: what the log has below it is in it
}

func (c *configReader) item(item any) error {
	if p, ok := item.(*Problem); ok {
		return p // settings that are wrong would be worse than none
	}
	if o, ok := item.(*Opened); ok && c.image {
		c.until = imageEnd(filepath.Base(o.Path))
	}
	r, ok := item.(*Record)
	if !ok || r.Value == nil || !c.image && r.Offset < c.until {
		return nil
	}
	data := r.Value.Data
	switch r.Value.Kind {
	case "TopicRecord":
		name, _ := data.Get("name").(string)
		id, _ := data.Get("topicId").(string)
		c.names[id] = name
	case "RemoveTopicRecord":
		id, _ := data.Get("topicId").(string)
		if t := c.byName[c.names[id]]; t != nil {
			clear(t.Configs)
		}
	case "ConfigRecord":
		name, _ := data.Get("resourceName").(string)
		if t := c.byName[name]; t != nil && data.Get("resourceType") == int64(topicResource) {
			key, _ := data.Get("name").(string)
			if value, ok := data.Get("value").(string); ok {
				t.Configs[key] = value
			} else {
				delete(t.Configs, key)
			}
		}
	}
	return nil
}

// imageEnd is the offset that the name of a snapshot begins with.
func imageEnd(name string) (end int64) {
	for _, c := range []byte(name[:min(20, len(name))]) {
		if c < '0' || c > '9' {
			return 0
		}
		end = end*10 + int64(c-'0')
	}
	return end
}
