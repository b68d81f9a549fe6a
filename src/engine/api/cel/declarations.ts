/** Signatures of the functions that Kubernetes gives to CEL (cel-go's standard library and extensions, apiserver/pkg/cel/library). */
import { type CelType, readType } from './types.ts'

export interface Overload {
  readonly member: boolean
  readonly args: readonly CelType[]
  readonly out: CelType
  readonly parameters: readonly string[]
}

export interface Declarations {
  readonly variables: ReadonlyMap<string, CelType>
  /** Types of messages that may be constructed. */
  readonly structs?: (name: string) => CelType | undefined
}

/** `name: signature signature …`; a signature is `(args)out`, or `target.(args)out` for methods. */
const table = `
!_: (bool)bool
@not_strictly_false: (bool)bool
_&&_ _||_: (bool,bool)bool
_?_:_: (bool,A,A)A
_==_ _!=_: (A,A)bool
_<_ _<=_ _>_ _>=_: (bool,bool)bool (int,int)bool (int,double)bool (int,uint)bool (uint,uint)bool (uint,double)bool (uint,int)bool (double,double)bool (double,int)bool (double,uint)bool (string,string)bool (bytes,bytes)bool (timestamp,timestamp)bool (duration,duration)bool
_+_: (bytes,bytes)bytes (double,double)double (duration,duration)duration (duration,timestamp)timestamp (timestamp,duration)timestamp (int,int)int (list<A>,list<A>)list<A> (string,string)string (uint,uint)uint
_-_: (double,double)double (duration,duration)duration (int,int)int (timestamp,duration)timestamp (timestamp,timestamp)duration (uint,uint)uint
_*_ _/_: (double,double)double (int,int)int (uint,uint)uint
_%_: (int,int)int (uint,uint)uint
-_: (double)double (int)int
@in: (A,list<A>)bool (A,map<A,B>)bool
_[_]: (list<A>,int)A (map<A,B>,A)B (optional<list<V>>,int)optional<V> (optional<map<K,V>>,K)optional<V>
_[?_]: (list<V>,int)optional<V> (optional<list<V>>,int)optional<V> (map<K,V>,K)optional<V> (optional<map<K,V>>,K)optional<V>
cel.@mapInsert: (map<K,V>,K,V)map<K,V> (map<K,V>,map<K,V>)map<K,V>
size: (bytes)int bytes.()int (list<A>)int list<A>.()int (map<A,B>)int map<A,B>.()int (string)int string.()int
type: (A)type<A>
bool: (bool)bool (string)bool
bytes: (bytes)bytes (string)bytes
double: (double)double (int)double (string)double (uint)double
duration: (duration)duration (string)duration
dyn: (A)dyn
int: (int)int (double)int (string)int (timestamp)int (uint)int
string: (string)string (bool)string (bytes)string (double)string (duration)string (int)string (timestamp)string (uint)string (net.IP)string (net.CIDR)string
timestamp: (timestamp)timestamp (int)timestamp (string)timestamp
uint: (uint)uint (double)uint (int)uint (string)uint
matches: (string,string)bool string.(string)bool
contains endsWith startsWith: string.(string)bool
getFullYear getMonth getDayOfYear getDayOfMonth getDate getDayOfWeek: timestamp.()int timestamp.(string)int
getHours getMinutes getSeconds getMilliseconds: timestamp.()int timestamp.(string)int duration.()int
charAt: string.(int)string
indexOf lastIndexOf: string.(string)int string.(string,int)int list<T>.(T)int
lowerAscii upperAscii trim reverse: string.()string
replace: string.(string,string)string string.(string,string,int)string
split: string.(string)list<string> string.(string,int)list<string>
substring: string.(int)string string.(int,int)string
join: list<string>.()string list<string>.(string)string
format: string.(list<dyn>)string
strings.quote: (string)string
find: string.(string)string
findAll: string.(string)list<string> string.(string,int)list<string>
isSorted: list<int>.()bool list<uint>.()bool list<double>.()bool list<bool>.()bool list<duration>.()bool list<timestamp>.()bool list<string>.()bool list<bytes>.()bool
sum: list<int>.()int list<uint>.()uint list<double>.()double list<duration>.()duration
min max: list<int>.()int list<uint>.()uint list<double>.()double list<bool>.()bool list<duration>.()duration list<timestamp>.()timestamp list<string>.()string list<bytes>.()bytes
sets.contains sets.equivalent sets.intersects: (list<T>,list<T>)bool
url: (string)kubernetes.URL
isURL: (string)bool
getScheme getHost getHostname getPort getEscapedPath: kubernetes.URL.()string
getQuery: kubernetes.URL.()map<string,list<string>>
quantity: (string)kubernetes.Quantity
isQuantity: (string)bool
sign: kubernetes.Quantity.()int
isInteger: kubernetes.Quantity.()bool
asInteger: kubernetes.Quantity.()int
asApproximateFloat: kubernetes.Quantity.()double
add sub: kubernetes.Quantity.(kubernetes.Quantity)kubernetes.Quantity kubernetes.Quantity.(int)kubernetes.Quantity
isLessThan isGreaterThan: kubernetes.Quantity.(kubernetes.Quantity)bool kubernetes.Semver.(kubernetes.Semver)bool
compareTo: kubernetes.Quantity.(kubernetes.Quantity)int kubernetes.Semver.(kubernetes.Semver)int
semver: (string)kubernetes.Semver (string,bool)kubernetes.Semver
isSemver: (string)bool (string,bool)bool
major minor patch: kubernetes.Semver.()int
ip: (string)net.IP net.CIDR.()net.IP
isIP: (string)bool
ip.isCanonical: (string)bool
family: net.IP.()int
isUnspecified isLoopback isLinkLocalMulticast isLinkLocalUnicast isGlobalUnicast: net.IP.()bool
cidr: (string)net.CIDR
isCIDR: (string)bool
containsIP: net.CIDR.(net.IP)bool net.CIDR.(string)bool
containsCIDR: net.CIDR.(net.CIDR)bool net.CIDR.(string)bool
masked: net.CIDR.()net.CIDR
prefixLength: net.CIDR.()int
validate: kubernetes.NamedFormat.(string)optional<list<string>>
format.named: (string)optional<kubernetes.NamedFormat>
format.dns1123Label format.dns1123Subdomain format.dns1035Label format.qualifiedName format.dns1123LabelPrefix format.dns1123SubdomainPrefix format.dns1035LabelPrefix format.labelValue format.uri format.uuid format.byte format.date format.datetime: ()kubernetes.NamedFormat
optional.of optional.ofNonZeroValue: (V)optional<V>
optional.none: ()optional<V>
optional.unwrap: (list<optional<V>>)list<V>
unwrapOpt: list<optional<V>>.()list<V>
value: optional<V>.()V
hasValue: optional<V>.()bool
or: optional<V>.(optional<V>)optional<V>
orValue: optional<V>.(V)V
path: kubernetes.authorization.Authorizer.(string)kubernetes.authorization.PathCheck
group: kubernetes.authorization.Authorizer.(string)kubernetes.authorization.GroupCheck
serviceAccount: kubernetes.authorization.Authorizer.(string,string)kubernetes.authorization.Authorizer
resource: kubernetes.authorization.GroupCheck.(string)kubernetes.authorization.ResourceCheck
subresource namespace name fieldSelector labelSelector: kubernetes.authorization.ResourceCheck.(string)kubernetes.authorization.ResourceCheck
check: kubernetes.authorization.PathCheck.(string)kubernetes.authorization.Decision kubernetes.authorization.ResourceCheck.(string)kubernetes.authorization.Decision
errored allowed: kubernetes.authorization.Decision.()bool
error reason: kubernetes.authorization.Decision.()string
`

/** Read when first needed: most clusters never see an expression. */
const known = new Map<string, Overload[]>()

function readTable(): void {
  for (const line of table.split('\n')) {
    if (line === '') continue
    const cut = line.indexOf(': ')
    const overloads = line.slice(cut + 2).split(' ').map((text): Overload => {
      const m = /^(?:(.+)\.)?\((.*?)\)([^)]+)$/.exec(text)!
      const [, target, inside = '', result = ''] = m
      const args = [...(target ? [readType(target)] : []), ...(inside === '' ? [] : (readType(`list<${inside}>`).args ?? []))]
      return { member: target !== undefined, args, out: readType(result), parameters: [...new Set([...text.matchAll(/(?<![\w.])[A-Z](?![\w])/g)].map((x) => x[0]))] }
    })
    for (const name of line.slice(0, cut).split(' ')) known.set(name, [...(known.get(name) ?? []), ...overloads])
  }
}

export function overloadsOf(name: string): readonly Overload[] {
  if (known.size === 0) readTable()
  return known.get(name) ?? []
}
