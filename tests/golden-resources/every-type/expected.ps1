<#
    Written by mimc from a spec. Change the spec, not this file.

    mimc compiles the same content to MOF by itself. To compile it on a Windows node instead, with the module
    installed there, run this file in Windows PowerShell 5.1: it asks for the credentials and writes the documents
    beside itself, encrypted for the certificates that lie there.
#>
[CmdletBinding()]
param
(
    [System.String]
    $OutputPath = $PSScriptRoot
)

$configurationData = @{
    AllNodes = @(
        @{
            NodeName = 'node1'
        }
    )
}

Configuration Golden
{
    Import-DscResource -ModuleName 'CimTypesDsc' -ModuleVersion '2.5.0.1'

    Node 'node1'
    {
        AllTypes 'one end'
        {
            Id    = '1'
            PBool = $true
            PS8   = -128
            PU8   = 255
            PS16  = -32768
            PU16  = 65535
            PS32  = -2147483648
            PU32  = 4294967295
            PS64  = -9223372036854775808
            PU64  = 18446744073709551615
            PR32  = 0.1
            PR64  = 1.7976931348623157E+308
            PChar = [char]0x00E9
            PStr  = ('it''s "quoted" \ $(x) `n' + [char]0x0009 + 'and' + [char]0x000D + [char]0x000A + 'more')
            PDate = ([System.DateTimeOffset]'2026-01-02T03:04:05.000000+00:00').UtcDateTime
        }
        AllTypes 'other end'
        {
            Id    = '2'
            PBool = $false
            PS8   = 127
            PU8   = 0
            PS16  = 32767
            PU16  = 0
            PS32  = 2147483647
            PU32  = 0
            PS64  = 9223372036854775807
            PU64  = 0
            PR32  = 3.0
            PR64  = 1.0E+21
            PChar = [char]0x0027
            PStr  = ''
            PDate = ([System.DateTimeOffset]'2026-07-01T23:59:59.123456+05:30').UtcDateTime
        }
        AllTypes 'small'
        {
            Id    = '3'
            PR32  = -0.0
            PR64  = 5.0E-324
            PChar = [char]0x005C
            PDate = ([System.TimeSpan]'5.01:02:03.000004')
        }
        AllTypes 'names'
        {
            Id    = '4'
            PBool = $true
            PStr  = 'names match without case'
            PDate = ([System.DateTimeOffset]'2026-01-02T03:04:05.000000-03:30').UtcDateTime
        }
        Choice 'numbers by name'
        {
            Kind    = 'Alpha'
            Switch  = 'Off'
            Level   = 'Two'
            Colours = @('Red', 'Blue')
        }
        Choice 'numbers by number'
        {
            Kind   = 'gamma'
            Switch = 'On'
            Level  = 'Three'
        }
    }
}

[DSCLocalConfigurationManager()]
Configuration GoldenLcm
{
}

Golden -ConfigurationData $configurationData -OutputPath $OutputPath
GoldenLcm -OutputPath $OutputPath
