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
        AllArrays 'several'
        {
            Id    = '1'
            ABool = @($true, $false)
            AS8   = @(-128, 127)
            AU8   = @(0, 255)
            AS16  = @(-1)
            AU16  = @(1, 2, 3)
            AS32  = @(-2147483648)
            AU32  = @(4294967295)
            AS64  = @(-9223372036854775808, 0)
            AU64  = @(18446744073709551615)
            AR32  = @(1.0, 2.5)
            AR64  = @(1.0E-07, 1.5E+300)
            AChar = @([char]0x0061, [char]0x000A, [char]0x000D)
            AStr  = @('', 'C:\x', ('line' + [char]0x000A + 'line'), '“curly”')
            ADate = @(([System.DateTimeOffset]'2026-01-02T03:04:05.000000+00:00').UtcDateTime, ([System.DateTimeOffset]'2026-01-02T03:04:05.000000+14:00').UtcDateTime)
        }
        AllArrays 'one each'
        {
            Id    = '2'
            ABool = @($true)
            AS8   = @(1)
            AR64  = @(1.5)
            AChar = @([char]0x0078)
            AStr  = @('alone')
            ADate = @(([System.DateTimeOffset]'2026-01-02T03:04:05.000000-12:00').UtcDateTime)
        }
        AllArrays 'empty'
        {
            Id    = '3'
            ABool = @()
            AS8   = @()
            AR64  = @()
            AChar = @()
            AStr  = @()
            ADate = @()
        }
    }
}

[DSCLocalConfigurationManager()]
Configuration GoldenLcm
{
}

Golden -ConfigurationData $configurationData -OutputPath $OutputPath
GoldenLcm -OutputPath $OutputPath
