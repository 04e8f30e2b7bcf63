package broker

import (
	"context"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/leat-project/leat/broker/fault"
)

// UpdateFeatures (57), versions 0-2: finalizes feature levels (KIP-584), all
// of a request or none. v1 upgrade types and validateOnly (KIP-778). A refusal
// is a top-level error in all versions; v0 and v1 list the features otherwise.

// The upgrade types. v0 has a flag instead, that allows safe downgrades.
const (
	upgradeOnly = 1 + iota
	safeDowngrade
	unsafeDowngrade
)

func (b *Broker) updateFeatures(ctx context.Context, r *request, req *kmsg.UpdateFeaturesRequest) kmsg.Response {
	resp := kmsg.NewPtrUpdateFeaturesResponse()
	levels := map[string]int16{}
	var err error
	for _, u := range req.FeatureUpdates {
		if err = b.checkFeature(req.Version, u); err != nil {
			break
		}
		levels[u.Feature] = u.MaxVersionLevel
	}
	if err == nil && !req.ValidateOnly {
		if err = b.ctl.FinalizeFeatures(ctx, levels); err != nil {
			b.report("updating features", "", err)
		}
	}
	if err != nil {
		resp.ErrorCode, resp.ErrorMessage = fault.Code(err), fault.Message(err)
		return resp
	}
	for _, u := range req.FeatureUpdates {
		if req.Version < 2 {
			res := kmsg.NewUpdateFeaturesResponseResult()
			res.Feature = u.Feature
			resp.Results = append(resp.Results, res)
		}
	}
	return resp
}

func (b *Broker) checkFeature(version int16, u kmsg.UpdateFeaturesRequestFeatureUpdate) error {
	refuse := func(format string, args ...any) error {
		args = append([]any{u.MaxVersionLevel, u.Feature}, args...)
		return fault.New(kerr.InvalidUpdateVersion, "The update failed for all features since the following feature had an error: Invalid update version %d for feature %s. "+format, args...)
	}
	kind := u.UpgradeType
	if version == 0 {
		kind = upgradeOnly
		if u.AllowDowngrade {
			kind = safeDowngrade
		}
	}
	f, ok := supportedFeatures[u.Feature]
	now := b.ctl.Image().Features()[u.Feature]
	switch {
	case kind < upgradeOnly || kind > unsafeDowngrade:
		return refuse("The controller does not support the given upgrade type.")
	case u.MaxVersionLevel < 0:
		return refuse("A feature version cannot be less than 0.")
	case !ok:
		return refuse("Local controller %d does not support this feature.", b.cfg.NodeID)
	case u.MaxVersionLevel < f.min || u.MaxVersionLevel > f.max:
		return refuse("Local controller %d only supports versions %d-%d", b.cfg.NodeID, f.min, f.max)
	case u.MaxVersionLevel < now && kind == upgradeOnly:
		return refuse("Can't downgrade the version of this feature without setting the upgrade type to either safe or unsafe downgrade.")
	case u.MaxVersionLevel > now && kind != upgradeOnly:
		return refuse("Can't downgrade to a newer version.")
	case u.MaxVersionLevel < now && u.Feature == metadataVersion:
		return refuse("The level of the metadata of this cluster is %d and cannot be lowered.", now)
	}
	return nil
}
