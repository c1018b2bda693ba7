package cluster

import (
	"reflect"

	"samsa/broker"
	"samsa/controller"
	"samsa/controller/raft"
)

// compared returns rules that give the same answers as n, and report each answer that the current rule would not give. A
// rule without arguments reports its answer once.
//
// The answer of a rule depends only on its arguments. So each answer of an old rule can be compared with the answer of the
// current rule to the same arguments, without an effect on the run. The rules are found by reflection, because a rule that
// is added must not be forgotten here. It is slow, and only runs that are explained are compared.
func (n nodeRules) compared(report func(question string, always bool)) nodeRules {
	compareRules(&n.broker, broker.CurrentRules(), report)
	compareRules(&n.controller, controller.CurrentRules(), report)
	compareRules(&n.quorum, raft.CurrentRules(), report)
	return n
}

// compareRules replaces the functions of the rules by functions that also call the current ones.
func compareRules[R any](rules *R, current R, report func(question string, always bool)) {
	compareFields(reflect.ValueOf(rules).Elem(), reflect.ValueOf(current), report)
}

// compareFields does the work of compareRules. A package's rules may have those of another package as a field.
func compareFields(rules, current reflect.Value, report func(question string, always bool)) {
	for i := range rules.NumField() {
		name, rule, now := rules.Type().Field(i).Name, rules.Field(i), current.Field(i)
		switch rule.Kind() {
		case reflect.Struct:
			compareFields(rule, now, report)
		case reflect.Func:
			old := reflect.ValueOf(rule.Interface())
			rule.Set(reflect.MakeFunc(rule.Type(), func(args []reflect.Value) []reflect.Value {
				answer := old.Call(args)
				for i, today := range now.Call(args) {
					if !reflect.DeepEqual(answer[i].Interface(), today.Interface()) {
						report(name, false)
						break
					}
				}
				return answer
			}))
		default:
			if !rule.Equal(now) {
				report(name, true)
			}
		}
	}
}
