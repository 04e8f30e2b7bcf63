package validate

import (
	"strings"

	"github.com/leat-project/leat/connect/config"
)

// Infos is the validation report of a connector configuration: the body of
// PUT /connector-plugins/{type}/config/validate (Java's ConfigInfos).
type Infos struct {
	Name       string   `json:"name"` // connector.class as posted
	ErrorCount int      `json:"error_count"`
	Groups     []string `json:"groups"`
	Configs    []Info   `json:"configs"`
}

// Info is one key of a report (ConfigInfo).
type Info struct {
	Definition *KeyInfo  `json:"definition"` // nil for a key that no plugin declares
	Value      ValueInfo `json:"value"`
}

// KeyInfo is a key's definition as the REST API serves it (ConfigKeyInfo).
type KeyInfo struct {
	Name          string   `json:"name"`
	Type          string   `json:"type"`
	Required      bool     `json:"required"`
	DefaultValue  *string  `json:"default_value"`
	Importance    string   `json:"importance"`
	Documentation string   `json:"documentation"`
	Group         *string  `json:"group"`
	OrderInGroup  int      `json:"order_in_group"`
	Width         string   `json:"width"`
	DisplayName   string   `json:"display_name"`
	Dependents    []string `json:"dependents"`
}

// ValueInfo is a key's value and what is wrong with it (ConfigValueInfo).
type ValueInfo struct {
	Name        string   `json:"name"`
	Value       *string  `json:"value"`
	Recommended []string `json:"recommended_values"`
	Errors      []string `json:"errors"`
	Visible     bool     `json:"visible"`
}

// Describe returns the definition of a declared key.
func Describe(k *config.Key) KeyInfo {
	info := KeyInfo{Name: k.Name, Type: k.Type.String(), Required: !k.HasDefault, Importance: k.Imp.String(),
		Documentation: k.DocText, OrderInGroup: k.OrderNum, Width: k.WidthVal.String(), DisplayName: k.DisplayName,
		Dependents: append([]string{}, k.DependsKeys...)}
	if k.Moot != "" {
		info.Documentation = strings.TrimSpace(info.Documentation + " No effect: " + k.Moot + ".")
	}
	if k.HasDefault && !k.DefaultNull {
		info.DefaultValue = &k.DefaultText
	}
	if k.GroupName != "" {
		info.Group = &k.GroupName
	}
	return info
}
