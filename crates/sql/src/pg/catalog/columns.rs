//! The system tables and their columns.

/// Names of the columns: `#` before a name makes it a large number, `:` a small one, `?` a truth value, `@` a list of
/// texts, which is null everywhere.
pub(super) const COLUMNS: &[(&str, &str)] = &[
    ("pg_namespace", "#oid nspname #nspowner @nspacl"),
    (
        "pg_class",
        "#oid relname #relnamespace #reltype #reloftype #relowner #relam #relfilenode #reltablespace :relpages \
         #reltuples :relallvisible #reltoastrelid ?relhasindex ?relisshared relpersistence relkind :relnatts :relchecks \
         ?relhasrules ?relhastriggers ?relhassubclass ?relrowsecurity ?relforcerowsecurity ?relispopulated relreplident \
         ?relispartition #relrewrite @relacl @reloptions relpartbound ?relhasoids #xmin",
    ),
    (
        "pg_attribute",
        "#attrelid attname #atttypid :attstattarget :attlen :attnum :attndims :attcacheoff :atttypmod ?attbyval attalign \
         attstorage ?attnotnull ?atthasdef ?atthasmissing attidentity attgenerated ?attisdropped ?attislocal \
         :attinhcount #attcollation @attacl @attoptions @attfdwoptions attcompression",
    ),
    (
        "pg_type",
        "#oid typname #typnamespace #typowner :typlen ?typbyval typtype typcategory ?typispreferred ?typisdefined \
         typdelim #typrelid #typelem #typarray typinput typoutput typreceive typsend #typbasetype :typtypmod :typndims \
         #typcollation typdefault ?typnotnull typalign typstorage @typacl typsubscript",
    ),
    (
        "pg_database",
        "#oid datname #datdba :encoding datcollate datctype ?datistemplate ?datallowconn :datconnlimit #dattablespace \
         @datacl datlocprovider daticulocale #datlastsysoid",
    ),
    (
        "pg_roles",
        "#oid rolname ?rolsuper ?rolinherit ?rolcreaterole ?rolcreatedb ?rolcanlogin ?rolreplication :rolconnlimit \
         rolpassword rolvaliduntil ?rolbypassrls @rolconfig",
    ),
    ("pg_user", "usename #usesysid ?usecreatedb ?usesuper ?userepl ?usebypassrls passwd valuntil @useconfig"),
    (
        "pg_settings",
        "name setting unit category short_desc extra_desc context vartype source min_val max_val boot_val reset_val",
    ),
    (
        "pg_tables",
        "schemaname tablename tableowner tablespace ?hasindexes ?hasrules ?hastriggers ?rowsecurity",
    ),
    ("pg_am", "#oid amname amhandler amtype"),
    // Empty ones.
    ("pg_views", "schemaname viewname viewowner definition"),
    ("pg_matviews", "schemaname matviewname matviewowner tablespace ?hasindexes ?ispopulated definition"),
    ("pg_indexes", "schemaname tablename indexname tablespace indexdef"),
    ("pg_sequences", "schemaname sequencename sequenceowner data_type #start_value #last_value"),
    ("pg_attrdef", "#oid #adrelid :adnum adbin adsrc"),
    (
        "pg_collation",
        "#oid collname #collnamespace #collowner collprovider ?collisdeterministic :collencoding collcollate collctype collversion",
    ),
    ("pg_inherits", "#inhrelid #inhparent :inhseqno ?inhdetachpending"),
    (
        "pg_index",
        "#indexrelid #indrelid :indnatts :indnkeyatts ?indisunique ?indisprimary ?indisexclusion ?indimmediate \
         ?indisclustered ?indisvalid ?indcheckxmin ?indisready ?indislive ?indisreplident ?indnullsnotdistinct indkey \
         indcollation indclass indoption indexprs indpred",
    ),
    (
        "pg_constraint",
        "#oid conname #connamespace contype ?condeferrable ?condeferred ?convalidated #conrelid #contypid #conindid \
         #conparentid #confrelid confupdtype confdeltype confmatchtype ?conislocal :coninhcount ?connoinherit conkey \
         confkey conpfeqop conexclop conbin consrc confdelsetcols",
    ),
    ("pg_description", "#objoid #classoid :objsubid description"),
    ("pg_shdescription", "#objoid #classoid description"),
    (
        "pg_proc",
        "#oid proname #pronamespace #proowner #prolang prokind ?proretset #prorettype :pronargs proargtypes \
         proallargtypes proargmodes proargnames prosrc provolatile ?proisstrict ?prosecdef proacl ?proisagg",
    ),
    ("pg_trigger", "#oid #tgrelid tgname #tgfoid :tgtype tgenabled ?tgisinternal #tgconstraint #tgparentid"),
    ("pg_rewrite", "#oid rulename #ev_class ev_type ev_enabled ?is_instead"),
    ("pg_policy", "#oid polname #polrelid polcmd ?polpermissive polroles polqual polwithcheck"),
    ("pg_policies", "schemaname tablename policyname permissive roles cmd qual with_check"),
    ("pg_statistic_ext", "#oid #stxrelid stxname #stxnamespace #stxowner :stxstattarget stxkeys stxkind"),
    ("pg_publication", "#oid pubname #pubowner ?puballtables ?pubinsert ?pubupdate ?pubdelete ?pubtruncate"),
    ("pg_publication_rel", "#oid #prpubid #prrelid prqual prattrs"),
    ("pg_publication_namespace", "#oid #pnpubid #pnnspid"),
    ("pg_foreign_table", "#ftrelid #ftserver ftoptions"),
    ("pg_foreign_server", "#oid srvname #srvowner #srvfdw srvtype srvversion srvacl srvoptions"),
    ("pg_foreign_data_wrapper", "#oid fdwname #fdwowner fdwacl fdwoptions"),
    ("pg_user_mapping", "#oid #umuser #umserver umoptions"),
    ("pg_partitioned_table", "#partrelid partstrat :partnatts #partdefid partattrs partexprs"),
    ("pg_enum", "#oid #enumtypid #enumsortorder enumlabel"),
    ("pg_range", "#rngtypid #rngsubtype #rngmultitypid #rngcollation"),
    ("pg_sequence", "#seqrelid #seqtypid #seqstart #seqincrement #seqmax #seqmin #seqcache ?seqcycle"),
    ("pg_depend", "#classid #objid :objsubid #refclassid #refobjid :refobjsubid deptype"),
    ("pg_extension", "#oid extname #extowner #extnamespace ?extrelocatable extversion"),
    ("pg_available_extensions", "name default_version installed_version comment"),
    ("pg_event_trigger", "#oid evtname evtevent #evtowner #evtfoid evtenabled evttags"),
    ("pg_language", "#oid lanname #lanowner ?lanispl ?lanpltrusted"),
    ("pg_operator", "#oid oprname #oprnamespace #oprowner oprkind #oprleft #oprright #oprresult"),
    ("pg_opclass", "#oid #opcmethod opcname #opcnamespace #opcowner #opcfamily #opcintype ?opcdefault"),
    ("pg_opfamily", "#oid #opfmethod opfname #opfnamespace"),
    ("pg_aggregate", "#aggfnoid aggkind :aggnumdirectargs"),
    ("pg_cast", "#oid #castsource #casttarget #castfunc castcontext castmethod"),
    ("pg_conversion", "#oid conname #connamespace"),
    ("pg_tablespace", "#oid spcname #spcowner spcacl spcoptions"),
    ("pg_auth_members", "#roleid #member #grantor ?admin_option"),
    ("pg_default_acl", "#oid #defaclrole #defaclnamespace defaclobjtype defaclacl"),
    ("pg_seclabel", "#objoid #classoid :objsubid provider label"),
    ("pg_shseclabel", "#objoid #classoid provider label"),
    ("pg_locks", "locktype #database #relation :pid mode ?granted"),
    ("pg_stat_activity", "#datid datname :pid #usesysid usename application_name state query backend_type"),
    ("pg_stat_user_tables", "#relid schemaname relname #seq_scan #n_live_tup #n_dead_tup"),
    ("pg_statio_user_tables", "#relid schemaname relname #heap_blks_read"),
    ("pg_stat_database", "#datid datname :numbackends"),
    ("pg_timezone_names", "name abbrev utc_offset ?is_dst"),
];

/// Their names.
pub(crate) const NAMES: [&str; COLUMNS.len()] = {
    let mut names = [""; COLUMNS.len()];
    let mut i = 0;
    while i < COLUMNS.len() {
        names[i] = COLUMNS[i].0;
        i += 1;
    }
    names
};

/// Those that have rows.
const FILLED: [&str; 10] = [
    "pg_namespace",
    "pg_class",
    "pg_attribute",
    "pg_type",
    "pg_database",
    "pg_roles",
    "pg_user",
    "pg_settings",
    "pg_tables",
    "pg_am",
];

/// Whether a system table never has rows.
pub(crate) fn is_empty(name: &str) -> bool {
    NAMES.contains(&name) && !FILLED.contains(&name)
}
