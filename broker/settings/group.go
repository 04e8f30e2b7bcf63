package settings

// Group is the table of GROUP resource keys (KIP-848 overrides).
var Group = newSet([]Def{
	{Name: "consumer.heartbeat.interval.ms", Type: Int, Default: "5000", Min: 1, Max: maxInt, Synonyms: same("group.consumer.heartbeat.interval.ms"),
		Doc: "How often members of a consumer group send heartbeats, in ms."},
	{Name: "consumer.session.timeout.ms", Type: Int, Default: "45000", Min: 1, Max: maxInt, Synonyms: same("group.consumer.session.timeout.ms"),
		Doc: "How long a silent member stays in a consumer group, in ms."},
})
