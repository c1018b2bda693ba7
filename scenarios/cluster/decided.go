package cluster

import (
	"reflect"
	"slices"

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

// watched returns rules that give the same answers as n, and report the id of each old rule that would give another answer. An
// old rule without arguments is reported at once, because its answer is another one in every run. Until the first report, a run
// with the old rule is the same as this one, so a run in which a rule is not reported need not be repeated with the rule.
func (n nodeRules) watched(report func(id string)) nodeRules {
	now := n.leaves()
	others := make([][]otherAnswer, len(now))
	seen := map[string]bool{}
	for _, x := range OldRules() {
		if seen[x.ID] {
			continue
		}
		seen[x.ID] = true
		old, err := rules([]string{x.ID})
		if err != nil {
			panic(err) // the id is from the list of old rules
		}
		for i, rule := range old.leaves() {
			switch {
			case rule.Kind() != reflect.Func:
				if !rule.Equal(now[i]) {
					report(x.ID)
				}
			case rule.Pointer() != now[i].Pointer():
				others[i] = append(others[i], otherAnswer{x.ID, rule})
			}
		}
	}
	for i, of := range others {
		if len(of) > 0 {
			current := reflect.ValueOf(now[i].Interface())
			now[i].Set(reflect.MakeFunc(now[i].Type(), func(args []reflect.Value) []reflect.Value { return answerWatched(current, of, args, report) }))
		}
	}
	return n
}

// otherAnswer is an old rule's answer to one question.
type otherAnswer struct {
	id   string
	rule reflect.Value
}

// answerWatched returns the current answer, and reports the old rules with another one.
func answerWatched(current reflect.Value, others []otherAnswer, args []reflect.Value, report func(id string)) []reflect.Value {
	answer := current.Call(args)
	for _, o := range others {
		for i, other := range o.rule.Call(args) {
			if !reflect.DeepEqual(answer[i].Interface(), other.Interface()) {
				report(o.id)
				break
			}
		}
	}
	return answer
}

// leaves returns all rules, one by one.
func (n *nodeRules) leaves() []reflect.Value {
	return slices.Concat(leavesOf(reflect.ValueOf(&n.broker).Elem()), leavesOf(reflect.ValueOf(&n.controller).Elem()), leavesOf(reflect.ValueOf(&n.quorum).Elem()))
}

// leavesOf returns the rules in a struct and in the structs inside it, in order.
func leavesOf(v reflect.Value) (all []reflect.Value) {
	if v.Kind() != reflect.Struct {
		return []reflect.Value{v}
	}
	for i := range v.NumField() {
		all = append(all, leavesOf(v.Field(i))...)
	}
	return all
}
