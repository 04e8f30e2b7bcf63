package broker

import (
	"context"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/leat-project/leat/broker/fault"
)

// UpdateFeatures (57), versions 0-2: finalizes feature levels (KIP-584), all
// of a request or none. v1 upgrade types and validateOnly (KIP-778); v2 has
// only a top-level error.

// upgradeOnly is the upgrade type that refuses lower levels.
const upgradeOnly = 1

func (b *Broker) updateFeatures(ctx context.Context, r *request, req *kmsg.UpdateFeaturesRequest) kmsg.Response {
	resp := kmsg.NewPtrUpdateFeaturesResponse()
	levels := map[string]int16{}
	var failed error
	for _, u := range req.FeatureUpdates {
		res := kmsg.NewUpdateFeaturesResponseResult()
		res.Feature = u.Feature
		if err := b.checkFeature(req.Version, u); err != nil {
			res.ErrorCode, res.ErrorMessage = fault.Code(err), fault.Message(err)
			failed = err
		}
		levels[u.Feature] = u.MaxVersionLevel
		resp.Results = append(resp.Results, res)
	}
	if failed == nil && !req.ValidateOnly {
		if failed = b.ctl.FinalizeFeatures(ctx, levels); failed != nil {
			b.report("updating features", "", failed)
			resp.ErrorCode, resp.ErrorMessage = fault.Code(failed), fault.Message(failed)
		}
	}
	if req.Version >= 2 && failed != nil {
		resp.ErrorCode, resp.ErrorMessage = fault.Code(failed), fault.Message(failed)
	}
	return resp
}

func (b *Broker) checkFeature(version int16, u kmsg.UpdateFeaturesRequestFeatureUpdate) error {
	f, ok := supportedFeatures[u.Feature]
	if !ok {
		return fault.New(kerr.InvalidUpdateVersion, "Invalid update version %d for feature %s. Controller %d does not support this feature.", u.MaxVersionLevel, u.Feature, b.cfg.NodeID)
	}
	if u.MaxVersionLevel < f.min || u.MaxVersionLevel > f.max {
		return fault.New(kerr.InvalidUpdateVersion, "Invalid update version %d for feature %s. Controller %d only supports versions %d-%d", u.MaxVersionLevel, u.Feature, b.cfg.NodeID, f.min, f.max)
	}
	now := b.ctl.Image().Features()[u.Feature]
	up := version >= 1 && u.UpgradeType == upgradeOnly || version == 0 && !u.AllowDowngrade
	if u.MaxVersionLevel < now && (up || u.Feature == metadataVersion) {
		return fault.New(kerr.InvalidUpdateVersion, "Invalid update version %d for feature %s. Can't downgrade the version of this feature from %d.", u.MaxVersionLevel, u.Feature, now)
	}
	return nil
}
