// Stand-ins for .NET types that only Windows has, and the walker that finds what Windows PowerShell would write wrongly.
using System;
using System.Collections;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Management.Automation;
using System.Management.Automation.Internal;

namespace MimcStandIns
{
    // An access list that remembers what it was told.
    public class Security
    {
        public string Sddl = "";
        public void SetSecurityDescriptorSddlForm(string text) { Sddl = text; }
    }

    // The input of a program that has ended.
    public class BrokenPipe : StringWriter
    {
        public override void WriteLine(string text) { throw new IOException("The pipe has been ended."); }
    }

    public class Identity
    {
        public class Account { public string Value = "S-1-5-21-1-2-3-500"; }
        public static bool Network = false;
        public Account User = new Account();
        public Account[] Groups { get { return new[] { new Account(), new Account { Value = Network ? "S-1-5-2" : "S-1-5-4" } }; } }
        public static Identity GetCurrent() { return new Identity(); }
    }

    // Accounts and SIDs of a directory that is a dictionary.
    public class NotMapped : Exception { }
    public class Account
    {
        public static Dictionary<string, string> Sids = new Dictionary<string, string>();
        public string Value;
        public Account(string name) { Value = name; }
        public Sid Translate(Type type)
        {
            if (type != typeof(Sid)) throw new ArgumentException("not to a SID");
            string sid;
            if (!Sids.TryGetValue(Value, out sid)) throw new NotMapped();
            return new Sid(sid);
        }
    }
    public class Sid
    {
        public string Value;
        public Sid(string text) { Value = text; }
        public Account Translate(Type type)
        {
            if (type != typeof(Account)) throw new ArgumentException("not to an account");
            foreach (var pair in Account.Sids) if (pair.Value == Value) return new Account(pair.Key);
            throw new NotMapped();
        }
    }

    public class Principal
    {
        public static bool Administrator = true;
        public Principal(object identity) { }
        public bool IsInRole(object role) { return Administrator; }
    }

    // The functions of msi.dll that read a package, over one in memory; what is open is counted.
    public static class Package
    {
        private class View { public string[][] Rows; public int At; public string[] Columns, Kinds; }
        public static uint Error, RowError;
        public static List<string> Calls = new List<string>();
        public static SortedDictionary<uint, object> Open = new SortedDictionary<uint, object>();
        public static string Long = new string('x', 255) + "y" + new string('z', 40000);
        private static uint last;
        private static uint Handle(object what) { Open[++last] = what; return last; }
        public static uint MsiOpenDatabaseW(string path, IntPtr mode, out uint database)
        {
            Calls.Add("open " + path + " " + mode);
            database = Error == 0 ? Handle(path) : 0;
            return Error;
        }
        public static uint MsiDatabaseOpenViewW(uint database, string query, out uint view)
        {
            Calls.Add(query);
            view = 0;
            if (query == "SELECT * FROM `Broken`") return 1627;
            var binary = query == "SELECT * FROM `Binary`";
            if (!binary && query != "SELECT * FROM `Empty`") return 1615;
            var rows = new[] { new[] { "a", "Data", "-5" }, new[] { Long.Substring(0, 255), "Data", "" }, new[] { Long.Substring(0, 256), "Data", Long } };
            view = Handle(new View { Rows = binary ? rows : new string[0][], Columns = new[] { "Name", "Data", "Number" }, Kinds = new[] { "s72", "V0", "I2" }, At = -1 });
            return 0;
        }
        public static uint MsiViewExecute(uint view, uint record) { ((View)Open[view]).At = 0; return 0; }
        public static uint MsiViewGetColumnInfo(uint view, int kind, out uint record)
        {
            var found = (View)Open[view];
            record = found.At < 0 ? 0 : Handle(kind == 0 ? found.Columns : found.Kinds);
            return record == 0 ? 1609u : 0;
        }
        public static uint MsiViewFetch(uint view, out uint record)
        {
            var found = (View)Open[view];
            record = found.At < found.Rows.Length ? Handle(found.Rows[found.At++]) : 0;
            return record == 0 ? 259u : 0;
        }
        public static uint MsiRecordGetFieldCount(uint record) { return (uint)((string[])Open[record]).Length; }
        public static uint MsiRecordGetStringW(uint record, uint field, System.Text.StringBuilder text, ref uint length)
        {
            var fields = (string[])Open[record];
            var value = fields[field - 1];
            if (RowError != 0) return RowError;
            // The stream of a row is no text.
            if (value == "Data" && fields[0] != "Name") return 1804;
            var room = length;
            if (room > text.Capacity) throw new InvalidOperationException("it would write behind the end");
            length = (uint)value.Length;
            if (length + 1 > room) return 234;
            text.Length = 0;
            text.Append(value);
            return 0;
        }
        public static uint MsiCloseHandle(uint handle) { return Open.Remove(handle) ? 0u : 6; }
    }

    // Accounts when no domain controller answers: an error, which is more than a name that is not there.
    public class LostDomain
    {
        public string[] Keys = { "contoso\\anybody" };
        public bool ContainsKey(string name) { throw new InvalidOperationException("the trust relationship failed"); }
        public string this[string name] { get { throw new InvalidOperationException("the trust relationship failed"); } }
    }

    public class Store
    {
        public static object[] All = new object[0];
        public Store(string name, string place) { }
        public object[] Certificates { get { return All; } }
        public void Open(string mode) { }
        public void Close() { }
    }

    // System.IO.Directory, with what .NET Framework alone has, and a Move that fails when it is told to.
    public static class Directories
    {
        public static int FailingMove = 0;
        public static bool InUse = false;
        public static List<string> Locked = new List<string>();
        public static bool Exists(string path) { return Directory.Exists(path); }
        public static object CreateDirectory(string path) { return Directory.CreateDirectory(path); }
        public static object CreateDirectory(string path, Security security)
        {
            // As there: every folder that is missing gets the access list.
            for (var p = path; p != null && !Directory.Exists(p); p = Path.GetDirectoryName(p)) Locked.Add(p);
            return Directory.CreateDirectory(path);
        }
        public static string[] GetFiles(string path) { return Directory.GetFiles(path); }
        public static string[] GetFiles(string path, string pattern) { return Directory.GetFiles(path, pattern); }
        public static string[] GetFiles(string path, string pattern, SearchOption option) { return Directory.GetFiles(path, pattern, option); }
        public static string[] GetDirectories(string path) { return Directory.GetDirectories(path); }
        public static string[] GetFileSystemEntries(string path) { return Directory.GetFileSystemEntries(path); }
        public static void Delete(string path, bool all)
        {
            if (InUse) throw new IOException("The process cannot access the file.");
            Directory.Delete(path, all);
        }
        public static void Move(string from, string to)
        {
            if (FailingMove > 0 && --FailingMove == 0) throw new IOException("Access to the path is denied.");
            Directory.Move(from, to);
        }
    }

    // System.IO.File, with what .NET Framework alone has, on a disk that may be full.
    public static class Files
    {
        public static bool Full = false;
        public static List<string> Calls = new List<string>();
        public static bool Exists(string path) { return File.Exists(path); }
        public static byte[] ReadAllBytes(string path) { return File.ReadAllBytes(path); }
        public static void Delete(string path) { File.Delete(path); }
        public static void Move(string from, string to) { Calls.Add("Move"); File.Move(from, to); }
        public static void SetAccessControl(string path, Security security) { Calls.Add("SetAccessControl " + Path.GetFileName(path) + " " + security.Sddl); }
        public static void Replace(string from, string to, string backup)
        {
            Calls.Add("Replace");
            File.Move(to, backup);
            File.Move(from, to);
        }
        public static Stream Create(string path, int size, FileOptions options, Security security)
        {
            Calls.Add("Create " + Path.GetFileName(path) + " " + security.Sddl);
            return new Output(path);
        }
        private class Output : FileStream
        {
            public Output(string path) : base(path, FileMode.Create) { }
            public override void Write(byte[] data, int offset, int count)
            {
                if (Full) throw new IOException("There is not enough space on the disk.");
                base.Write(data, offset, count);
            }
        }
    }

    // Microsoft.Win32.RegistryKey over one tree in memory, with its rule of volatile keys.
    public class Registry
    {
        private class Node
        {
            public bool Volatile;
            public Dictionary<string, object> Values = new Dictionary<string, object>(StringComparer.OrdinalIgnoreCase);
            public Dictionary<string, Node> Keys = new Dictionary<string, Node>(StringComparer.OrdinalIgnoreCase);
        }
        private static Node root = new Node();
        private readonly Node node;
        private Registry(Node node) { this.node = node; }
        public static void Clear() { root = new Node(); }
        public static void Restart() { Restart(root); }
        private static void Restart(Node node)
        {
            foreach (var name in node.Keys.Keys.ToList())
                if (node.Keys[name].Volatile) node.Keys.Remove(name); else Restart(node.Keys[name]);
        }
        public static Registry OpenBaseKey(string hive, string view) { return new Registry(root); }
        public Registry OpenSubKey(string path)
        {
            var at = node;
            foreach (var name in path.Split('\\')) if (!at.Keys.TryGetValue(name, out at)) return null;
            return new Registry(at);
        }
        public Registry CreateSubKey(string path) { return CreateSubKey(path, null, "None"); }
        public Registry CreateSubKey(string path, object check, object options)
        {
            var at = node;
            foreach (var name in path.Split('\\'))
            {
                Node next;
                if (!at.Keys.TryGetValue(name, out next))
                {
                    next = new Node { Volatile = options.ToString() == "Volatile" };
                    if (at.Volatile && !next.Volatile) throw new IOException("Cannot create a stable subkey under a volatile parent key.");
                    at.Keys[name] = next;
                }
                at = next;
            }
            return new Registry(at);
        }
        public void DeleteSubKeyTree(string path, bool mustExist)
        {
            var parent = OpenSubKey(path.Substring(0, path.LastIndexOf('\\')));
            if (parent != null) parent.node.Keys.Remove(path.Substring(path.LastIndexOf('\\') + 1));
        }
        public string[] GetValueNames() { return node.Values.Keys.ToArray(); }
        public string[] GetSubKeyNames() { return node.Keys.Keys.ToArray(); }
        public object GetValue(string name) { return node.Values.TryGetValue(name, out var value) ? value : null; }
        public void SetValue(string name, object value) { node.Values[name] = value; }
        public void Close() { }
    }

    // What ConvertTo-Json of Windows PowerShell 5.1 does not write as PowerShell 7 does.
    public static class Json
    {
        public static string Trap(object value) { return Find(value, "$"); }
        private static string Find(object value, string path)
        {
            // Nothing, taken for null: written as {} (PowerShell#9231).
            if (ReferenceEquals(value, AutomationNull.Value)) return path + " is nothing";
            var wrapped = value as PSObject;
            if (wrapped != null)
            {
                value = wrapped.BaseObject;
                // Written as {"value": [...], "Count": 1}.
                if (value is Array) return path + " is a wrapped array";
                if (value is PSCustomObject)
                    return wrapped.Properties.Select(p => Find(p.Value, path + "." + p.Name)).FirstOrDefault(found => found != null);
            }
            if (value is DateTime) return path + " is a date";
            var map = value as IDictionary;
            if (map != null)
            {
                foreach (DictionaryEntry entry in map) { var found = Find(entry.Value, path + "." + entry.Key); if (found != null) return found; }
                return null;
            }
            var list = value as IEnumerable;
            if (list == null || value is string) return null;
            var at = 0;
            foreach (var item in list) { var found = Find(item, path + "[" + at++ + "]"); if (found != null) return found; }
            return null;
        }
    }

    // The parser that Windows' DSC has inside, which here has no library below it: finds the instances at the top.
    public static class ClassCache
    {
        public class System { public string ClassName; }
        public class Instance { public System CimSystemProperties = new System(); }
        public static List<Instance> ImportInstances(string path, int validation)
        {
            var found = new List<Instance>();
            foreach (var line in File.ReadAllLines(path))
                if (line.StartsWith("instance of ")) found.Add(new Instance { CimSystemProperties = { ClassName = line.Split(' ')[2] } });
            if (found.Count == 0) throw new IOException("no instance");
            return found;
        }
    }

    // WindowsInstaller.Installer, asked by name as a COM object is: one Property table.
    public class Installer
    {
        public static IDictionary Properties = new Dictionary<string, string>();
        private readonly IDictionaryEnumerator rows = Properties.GetEnumerator();
        public object OpenDatabase(string path, int mode)
        {
            if (mode != 0) throw new IOException("opened to be written");
            return this;
        }
        public object OpenView(string query) { return this; }
        public void Execute() { }
        public object Fetch() { return rows.MoveNext() ? new Record { Fields = new[] { (string)rows.Key, (string)rows.Value } } : null; }
        public class Record
        {
            public string[] Fields;
            [System.Runtime.CompilerServices.IndexerName("StringData")]
            public string this[int field] { get { return Fields[field - 1]; } }
        }
    }
}
