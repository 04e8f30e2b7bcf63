package logstore

type segment struct{}
