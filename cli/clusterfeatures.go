package cli

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// featureView is one feature of the cluster.
type featureView struct {
	Feature      string `json:"feature"`
	SupportedMin int16  `json:"supported_min"`
	SupportedMax int16  `json:"supported_max"`
	Finalized    int16  `json:"finalized"` // 0 none
	Epoch        int64  `json:"epoch"`     // of all finalized levels
}

func (k *cluster) featuresCommand() *cobra.Command {
	c := &cobra.Command{Use: "features", Short: "Show feature levels; upgrade and downgrade them", Args: args(cobra.NoArgs), RunE: k.client(k.showFeatures)}
	c.AddCommand(
		&cobra.Command{Use: "describe", Short: "Show feature levels", Args: args(cobra.NoArgs), RunE: k.client(k.showFeatures)},
		k.featureChange("upgrade", "Raise feature levels", false),
		k.featureChange("downgrade", "Lower feature levels; level 0 takes a feature off", true),
	)
	return c
}

func (k *cluster) showFeatures(ctx context.Context, cl *kgo.Client, _ []string) error {
	req := kmsg.NewPtrApiVersionsRequest()
	req.ClientSoftwareName, req.ClientSoftwareVersion = "leat", "cli"
	resp, err := req.RequestWith(ctx, cl)
	if err != nil {
		return fmt.Errorf("asking for features: %w", err)
	}
	views := []featureView{}
	for _, f := range resp.SupportedFeatures {
		views = append(views, featureView{Feature: f.Name, SupportedMin: f.MinVersion, SupportedMax: f.MaxVersion, Epoch: resp.FinalizedFeaturesEpoch})
	}
	slices.SortFunc(views, func(a, b featureView) int { return strings.Compare(a.Feature, b.Feature) })
	t := table{header: []string{"FEATURE", "SUPPORTED MIN", "SUPPORTED MAX", "FINALIZED", "EPOCH"}}
	for i := range views {
		v := &views[i]
		for _, f := range resp.FinalizedFeatures {
			if f.Name == v.Feature {
				v.Finalized = f.MaxVersionLevel
			}
		}
		t.add(v.Feature, num(v.SupportedMin), num(v.SupportedMax), num(v.Finalized), num(v.Epoch))
	}
	return show(k.Out, k.output, views, t)
}

// The upgrade types of UpdateFeatures.
const (
	upgradeOnly     = 1
	safeDowngrade   = 2
	unsafeDowngrade = 3
)

func (k *cluster) featureChange(use, short string, down bool) *cobra.Command {
	var dryRun, unsafe bool
	c := &cobra.Command{Use: use + " FEATURE=LEVEL...", Short: short, Args: args(cobra.MinimumNArgs(1)),
		RunE: k.client(func(ctx context.Context, cl *kgo.Client, changes []string) error {
			req := kmsg.NewPtrUpdateFeaturesRequest()
			req.ValidateOnly = dryRun
			kind := int8(upgradeOnly)
			switch {
			case unsafe:
				kind = unsafeDowngrade
			case down:
				kind = safeDowngrade
			}
			for _, text := range changes {
				u := kmsg.NewUpdateFeaturesRequestFeatureUpdate()
				name, level, ok := strings.Cut(text, "=")
				n, err := strconv.ParseInt(level, 10, 16)
				if !ok || name == "" || err != nil || n < 0 || n == 0 && !down {
					return usagef("%q: expected FEATURE=LEVEL, such as metadata.version=29", text)
				}
				u.Feature, u.MaxVersionLevel, u.UpgradeType = name, int16(n), kind
				req.FeatureUpdates = append(req.FeatureUpdates, u)
			}
			resp, err := req.RequestWith(ctx, cl)
			if err != nil {
				return notServed("updating features", err)
			}
			for _, r := range resp.Results { // before version 2
				if err := kerr.ErrorForCode(r.ErrorCode); err != nil {
					return &refusedError{fmt.Sprintf("feature %s: %v", r.Feature, withDetail(err, deref(r.ErrorMessage)))}
				}
			}
			if err := kerr.ErrorForCode(resp.ErrorCode); err != nil {
				return &refusedError{withDetail(err, deref(resp.ErrorMessage)).Error()}
			}
			done := "done"
			if dryRun {
				done = "dry run: the cluster would accept it, nothing was changed"
			}
			_, err = fmt.Fprintf(k.Err, "%s %s: %s\n", use, strings.Join(changes, " "), done)
			return err
		})}
	c.Flags().BoolVar(&dryRun, "dry-run", false, "let the cluster check the change, and change nothing")
	if down {
		c.Flags().BoolVar(&unsafe, "unsafe", false, "also if metadata may get lost")
	}
	return c
}
